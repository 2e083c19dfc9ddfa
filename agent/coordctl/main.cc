#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "agent/coordctl/app.h"
#include "agent/coordctl/exit_code.h"

int main(int argc, char** argv) {
  using namespace coordhub::coordctl;  // NOLINT(google-build-using-namespace)
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  // Never destroyed: it holds the connections, and what gRPC does to take one down and to end its
  // threads lasts longer than a call. The kernel does it at once.
  auto& context = *new Context(Host::OfProcess());
  int code = RunCoordctl(&context, arguments);
  std::cout.flush();
  // An answer that could not be written was not given.
  if (!std::cout && code == 0) code = static_cast<int>(ExitCode::kFailed);
  std::_Exit(code);
}
