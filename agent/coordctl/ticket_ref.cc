#include "agent/coordctl/ticket_ref.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/error.h"
#include "agent/base/status_macros.h"
#include "agent/coordctl/names.h"

namespace coordhub::coordctl {
namespace {

absl::StatusOr<int64_t> FenceOfEnvironment(const Context& context, const std::string& ticket_id) {
  const std::string text = context.host().Env("COORDHUB_FENCE");
  // The variables belong together: another ticket's fence is not this one's.
  if (text.empty() || FullTicketId(context.host().Env("COORDHUB_TICKET")) != ticket_id) return 0;
  int64_t fence = 0;
  if (absl::SimpleAtoi(text, &fence) && fence > 0) return fence;
  return base::MakeFieldError("COORDHUB_FENCE", "\"" + text + "\" is no fence");
}

// The session does not hold the ticket: says who does.
absl::Status NotHeld(const agent::Client& client, const std::string& ticket_id) {
  pb::GetTicketRequest request;
  request.set_ticket_id(ticket_id);
  COORDHUB_ASSIGN_OR_RETURN(const pb::GetTicketResponse response, client.GetTicket(request));
  const pb::Ticket& ticket = response.ticket();
  const std::string holder = ticket.claim().agent_id();
  const std::string why =
      !holder.empty()
          ? absl::StrCat("is not yours: ", holder, " holds it")
          : absl::StrCat("is not claimed",
                         ticket.last_fence() == 0 ? ", nor was it ever" : " any more", ": it is ",
                         StateName(ticket.state()),
                         ticket.state() == pb::Ticket::STATE_OPEN
                             ? "; claim it first with: coordctl ticket claim " + ticket_id
                             : "");
  return base::MakeError(pb::ERROR_REASON_CLAIM_SUPERSEDED, ticket_id + " " + why,
                         {{"ticket_id", ticket_id},
                          {"holder", holder},
                          {"current_fence", absl::StrCat(ticket.last_fence())}});
}

absl::StatusOr<ClaimRef> OnlyClaim(const pb::GetAgentResponse& own) {
  if (own.claims_size() == 1) return ClaimRef{own.claims(0).ticket_id(), own.claims(0).fence()};
  if (own.claims().empty()) {
    return base::MakeError(pb::ERROR_REASON_CLAIM_SUPERSEDED,
                           own.agent().agent_id() + " holds no ticket", {});
  }
  const std::string held = absl::StrJoin(
      own.claims(), ", ",
      [](std::string* out, const pb::HeldClaim& claim) { out->append(claim.ticket_id()); });
  return base::MakeFieldError("TICKET", "you hold several tickets (" + held + "): name one");
}

}  // namespace

std::string FullTicketId(const std::string& id) {
  const size_t prefix = id.size() > 2 && (id[0] == 't' || id[0] == 'T') && id[1] == '-' ? 2 : 0;
  if (id.size() == prefix || id.find_first_not_of("0123456789", prefix) != std::string::npos) {
    return id;
  }
  return "T-" + id.substr(prefix);
}

absl::StatusOr<std::string> ResolveTicket(const Context& context, const std::string& ticket_id) {
  if (!ticket_id.empty()) return ticket_id;
  const std::string ticket = FullTicketId(context.host().Env("COORDHUB_TICKET"));
  if (!ticket.empty()) return ticket;
  return base::MakeFieldError("TICKET", "name a ticket, or set COORDHUB_TICKET");
}

absl::StatusOr<ClaimRef> ResolveClaim(const Context& context, const agent::Client& client,
                                      const std::string& ticket_id, int64_t fence) {
  const std::string ticket =
      ticket_id.empty() ? FullTicketId(context.host().Env("COORDHUB_TICKET")) : ticket_id;
  if (!ticket.empty()) {
    if (fence > 0) return ClaimRef{ticket, fence};
    COORDHUB_ASSIGN_OR_RETURN(fence, FenceOfEnvironment(context, ticket));
    if (fence > 0) return ClaimRef{ticket, fence};
  }
  if (client.credentials().session_token.empty()) {
    return base::MakeError(pb::ERROR_REASON_SESSION_REQUIRED, "you are no agent here");
  }
  COORDHUB_ASSIGN_OR_RETURN(const pb::GetAgentResponse own, client.GetAgent({}));
  if (ticket.empty()) return OnlyClaim(own);
  for (const pb::HeldClaim& claim : own.claims()) {
    if (claim.ticket_id() == ticket) return ClaimRef{ticket, claim.fence()};
  }
  return NotHeld(client, ticket);
}

}  // namespace coordhub::coordctl
