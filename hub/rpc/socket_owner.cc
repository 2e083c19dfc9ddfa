#include "hub/rpc/socket_owner.h"

#include <strings.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace coordhub::rpc {
namespace {

namespace fs = std::filesystem;

// Columns of /proc/net/tcp.
constexpr size_t kLocalAddress = 1;
constexpr size_t kState = 3;
constexpr size_t kInode = 9;
constexpr char kListening[] = "0A";

// Adds `socket:[inode]` of each socket of the table that listens on the port.
void AddListeners(const char* table, int port, std::set<std::string>* links) {
  const std::string suffix = absl::StrCat(":", absl::Hex(port, absl::kZeroPad4));
  std::ifstream file(table);
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> columns = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (columns.size() <= kInode || columns[kState] != kListening) continue;
    const std::string& local = columns[kLocalAddress];
    if (local.size() < suffix.size()) continue;
    // The kernel writes capitals.
    if (strcasecmp(local.c_str() + local.size() - suffix.size(), suffix.c_str()) != 0) continue;
    links->insert(absl::StrCat("socket:[", columns[kInode], "]"));
  }
}

bool HasDescriptor(const fs::path& process, const std::set<std::string>& links) {
  std::error_code error;
  for (fs::directory_iterator it(process / "fd", error), end; !error && it != end;
       it.increment(error)) {
    std::error_code unreadable;
    if (links.contains(fs::read_symlink(it->path(), unreadable).string())) return true;
  }
  return false;
}

}  // namespace

std::optional<pid_t> PidListeningOn(int port) {
  std::set<std::string> links;
  AddListeners("/proc/net/tcp", port, &links);
  AddListeners("/proc/net/tcp6", port, &links);
  if (links.empty()) return std::nullopt;
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    pid_t pid = 0;
    if (absl::SimpleAtoi(it->path().filename().string(), &pid) &&
        HasDescriptor(it->path(), links)) {
      return pid;
    }
  }
  return std::nullopt;
}

}  // namespace coordhub::rpc
