// TICKET and --fence, shared by the commands about a held ticket.

#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
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
                     "Refused if the claim has another one; default: $COORDHUB_FENCE, else that of "
                     "your claim in the hub")
        ->check(CLI::PositiveNumber);
  }

  // See ResolveClaim. Says what was meant, for a repetition: once the claim has ended, the hub
  // cannot tell any more.
  absl::StatusOr<ClaimRef> Resolve(Context& context, const agent::Client& client) const {
    absl::StatusOr<ClaimRef> claim = ResolveClaim(context, client, ticket, fence);
    if (!claim.ok() || (fence > 0 && !ticket.empty())) return claim;
    context.set_meant(absl::StrCat(
        fence > 0 ? "" : absl::StrCat("--fence ", claim->fence, ticket.empty() ? " " : ""),
        ticket.empty() ? claim->ticket_id : ""));
    return claim;
  }
};

}  // namespace coordhub::coordctl
