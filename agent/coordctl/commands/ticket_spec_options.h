// The options that state what a ticket is, shared by `ticket create` and `ticket update`.

#pragma once

#include <string>
#include <vector>

#include "agent/coordctl/command.h"
#include "coordhub/v1/ticket.pb.h"

namespace coordhub::coordctl {

struct TicketSpecOptions {
  std::string title;
  std::string body;
  std::string body_file;
  std::string priority;
  std::vector<std::string> labels;
  std::vector<std::string> paths;
  std::vector<std::string> depends;
  std::string parent;
  std::string assignee;
  std::string not_before;
  int max_attempts = 0;

  // Adds them to `command`, which outlives nothing here.
  void AddTo(CLI::App* command);
  // Puts what was given into `spec`.
  // Errors: INVALID_ARGUMENT/INVALID_FIELD naming the option.
  absl::Status Fill(Context& context, pb::TicketSpec* spec) const;
};

// "p1" or "1".
absl::StatusOr<int> ParsePriority(const std::string& text, const std::string& option);
// "T-3" or "T-3:integrated".
absl::StatusOr<pb::Dependency> ParseDependency(const std::string& text);

}  // namespace coordhub::coordctl
