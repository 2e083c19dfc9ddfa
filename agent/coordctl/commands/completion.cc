#include "agent/coordctl/completion.h"

#include <ostream>

#include "agent/coordctl/commands/commands.h"

namespace coordhub::coordctl {

void AddCompletion(CLI::App* root, Context* context) {
  CLI::App* command = AddCommand(root, "completion", "Print a completion script for a shell",
                                 "source <(coordctl completion bash)\n"
                                 "source <(coordctl completion zsh)");
  auto shell = std::make_shared<std::string>();
  AddChoice(command, "SHELL", shell.get(), {"bash", "zsh"}, "The shell")->required();
  OnRun(command, context, [shell, root](Context& c) -> absl::StatusOr<ExitCode> {
    c.out() << (*shell == "zsh" ? ZshCompletion(*root) : BashCompletion(*root));
    return ExitCode::kOk;
  });
}

}  // namespace coordhub::coordctl
