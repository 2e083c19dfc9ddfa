#include "agent/coordctl/host.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <system_error>

namespace coordhub::coordctl {
namespace {

constexpr const char* kVariables[] = {"COORDHUB_ENDPOINT",
                                      "COORDHUB_WORKSPACE",
                                      "COORDHUB_SESSION",
                                      "COORDHUB_AGENT",
                                      "COORDHUB_TICKET",
                                      "COORDHUB_FENCE",
                                      "NO_COLOR",
                                      "TERM",
                                      "COLUMNS"};

int TerminalColumns(const Host& host) {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return std::atoi(host.Env("COLUMNS").c_str());
}

}  // namespace

std::string Host::Env(const std::string& name) const {
  const auto it = environment.find(name);
  return it == environment.end() ? "" : it->second;
}

Host Host::OfProcess() {
  static base::SystemClock& clock = *new base::SystemClock;  // never destroyed
  static base::SystemIdSource& ids = *new base::SystemIdSource;
  Host host;
  for (const char* name : kVariables) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody here changes the environment.
    if (const char* value = std::getenv(name); value != nullptr) host.environment[name] = value;
  }
  std::error_code error;
  host.directory = std::filesystem::current_path(error).string();
  host.in = &std::cin;
  host.out = &std::cout;
  host.err = &std::cerr;
  host.in_is_terminal = isatty(STDIN_FILENO) == 1;
  host.out_is_terminal = isatty(STDOUT_FILENO) == 1;
  host.err_is_terminal = isatty(STDERR_FILENO) == 1;
  host.columns = host.out_is_terminal ? TerminalColumns(host) : 0;
  host.clock = &clock;
  host.ids = &ids;
  return host;
}

}  // namespace coordhub::coordctl
