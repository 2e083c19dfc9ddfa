#include "agent/coordctl/claim_age.h"

#include "agent/client/proto_time.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {

std::shared_ptr<std::string> AddClaimAge(CLI::App* command) {
  auto text = std::make_shared<std::string>();
  command
      ->add_option("--claim-age", *text,
                   "Call out claims that are held for longer than this, as 90m (default: " +
                       ShowSpan(kClaimAge) + ")")
      ->type_name("TIME");
  return text;
}

absl::StatusOr<absl::Duration> ParseClaimAge(const std::string& text) {
  if (text.empty()) return kClaimAge;
  return ParseDuration(text, "--claim-age");
}

absl::Time HeldSince(const pb::Ticket& ticket) {
  return agent::FromProto(ticket.claim().claim_time());
}

std::string LastWorkText(const pb::Ticket& ticket, absl::Time now) {
  if (!ticket.has_last_work_time()) return "none seen";
  const std::string age = ShowAge(agent::FromProto(ticket.last_work_time()), now);
  return age == "now" ? "just now" : age + " ago";
}

}  // namespace coordhub::coordctl
