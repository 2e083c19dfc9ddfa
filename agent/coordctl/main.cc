#include <iostream>
#include <string>
#include <vector>

#include "agent/coordctl/app.h"
#include "agent/coordctl/exit_code.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const int code =
      coordhub::coordctl::RunCoordctl(coordhub::coordctl::Host::OfProcess(), arguments);
  std::cout.flush();
  // An answer that could not be written was not given.
  if (!std::cout && code == 0) return static_cast<int>(coordhub::coordctl::ExitCode::kFailed);
  return code;
}
