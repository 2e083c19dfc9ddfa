#include "agent/coordctl/commands/claim_output.h"

#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {

void PrintClaimed(Context& context, const google::protobuf::Message& answer,
                  const pb::Ticket& ticket, const std::string& body, bool exports) {
  const std::string fence = absl::StrCat(ticket.claim().fence());
  if (exports) {
    // Both are the hub's own words, letters, digits and a hyphen, so they need no quoting.
    context.out() << "export COORDHUB_TICKET=" << ticket.ticket_id() << "\n"
                  << "export COORDHUB_FENCE=" << fence << "\n";
    return;
  }
  if (context.json()) {
    context.out() << ToJson(answer, context.host().out_is_terminal) << "\n";
    return;
  }
  const auto line = [&](const char* key, const std::string& value) {
    return KeyLine(context, key, value);
  };
  context.out() << line("ticket", ticket.ticket_id()) << line("fence", fence)
                << line("title", ticket.title())
                << line("priority", absl::StrCat("p", ticket.priority()))
                << line("attempt", absl::StrCat(ticket.attempt(), " of ", ticket.max_attempts()))
                << line("labels", absl::StrJoin(ticket.labels(), ", "))
                << line("paths", absl::StrJoin(ticket.paths(), ", "));
  if (!body.empty()) context.out() << "\n" << SafeBlock(body, "    ");
  context.out() << "\n"
                << line("when done", absl::StrCat("coordctl ticket complete ", ticket.ticket_id(),
                                                  " --fence ", fence, " --summary TEXT"))
                << line("or set", absl::StrCat("export COORDHUB_TICKET=", ticket.ticket_id(),
                                               " COORDHUB_FENCE=", fence));
}

}  // namespace coordhub::coordctl
