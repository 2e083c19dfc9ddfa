// TICKET and --fence, shared by the commands about a held ticket.

#pragma once

#include <cstdint>
#include <string>

#include "agent/coordctl/command.h"
#include "agent/coordctl/ticket_ref.h"

namespace coordhub::coordctl {

struct ClaimOptions {
  std::string ticket;
  int64_t fence = 0;

  void AddTo(CLI::App* command) {
    TakeTicketIds(command->add_option(
        "TICKET", ticket, "Default: $COORDHUB_TICKET, else the only one that you hold"));
    command
        ->add_option("--fence", fence,
                     "Default: $COORDHUB_FENCE, else that of your claim in the hub")
        ->check(CLI::PositiveNumber);
  }

  // See ResolveClaim.
  absl::StatusOr<ClaimRef> Resolve(const Context& context, const agent::Client& client) const {
    return ResolveClaim(context, client, ticket, fence);
  }
};

}  // namespace coordhub::coordctl
