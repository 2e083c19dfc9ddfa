#include "agent/coordctl/ticket_ref.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "agent/coordctl/names.h"

namespace coordhub::coordctl {
namespace {

// The fence that the environment states for `ticket_id` (empty: for the one that is meant,
// whichever that is); 0: none.
absl::StatusOr<int64_t> FenceOfEnvironment(const Context& context, const std::string& ticket_id) {
  const std::string text = context.host().Env("COORDHUB_FENCE");
  const std::string of = FullTicketId(context.host().Env("COORDHUB_TICKET"));
  // The variables belong together: another ticket's fence is not this one's. Without a ticket it is
  // that of whatever is meant.
  if (text.empty() || (!of.empty() && !ticket_id.empty() && of != ticket_id)) return 0;
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

// Of the claims, the one under `fence`. One that is stated is compared, here as in the hub.
absl::StatusOr<ClaimRef> ClaimUnder(int64_t fence, const pb::GetAgentResponse& own) {
  for (const pb::HeldClaim& claim : own.claims()) {
    if (claim.fence() == fence) return ClaimRef{claim.ticket_id(), fence};
  }
  const std::string held =
      absl::StrJoin(own.claims(), ", ", [](std::string* out, const pb::HeldClaim& claim) {
        absl::StrAppend(out, claim.ticket_id(), " under ", claim.fence());
      });
  return base::MakeError(pb::ERROR_REASON_CLAIM_SUPERSEDED,
                         absl::StrCat(own.agent().agent_id(), " holds no ticket under fence ",
                                      fence, held.empty() ? "" : ", but " + held),
                         {});
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

absl::StatusOr<int64_t> StatedFence(const Context& context, const std::string& ticket_id,
                                    int64_t fence) {
  if (fence > 0) return fence;
  return FenceOfEnvironment(context, ticket_id);
}

absl::StatusOr<ClaimRef> ResolveClaim(const Context& context, const agent::Client& client,
                                      const std::string& ticket_id, int64_t fence) {
  const std::string ticket =
      ticket_id.empty() ? FullTicketId(context.host().Env("COORDHUB_TICKET")) : ticket_id;
  COORDHUB_ASSIGN_OR_RETURN(fence, StatedFence(context, ticket, fence));
  if (!ticket.empty() && fence > 0) return ClaimRef{ticket, fence};
  if (client.credentials().session_token.empty()) {
    return base::MakeError(pb::ERROR_REASON_SESSION_REQUIRED, "you are no agent here");
  }
  COORDHUB_ASSIGN_OR_RETURN(const pb::GetAgentResponse own, client.GetAgent({}));
  if (ticket.empty() && fence > 0 && !base::MutantActive("fence_not_compared")) {
    return ClaimUnder(fence, own);
  }
  if (ticket.empty()) return OnlyClaim(own);
  for (const pb::HeldClaim& claim : own.claims()) {
    if (claim.ticket_id() == ticket) return ClaimRef{ticket, claim.fence()};
  }
  return NotHeld(client, ticket);
}

}  // namespace coordhub::coordctl
