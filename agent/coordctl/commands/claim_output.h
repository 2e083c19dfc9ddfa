// What `ticket next` and `ticket claim` print.

#pragma once

#include <string>

#include "agent/coordctl/context.h"
#include "coordhub/v1/ticket.pb.h"
#include "google/protobuf/message.h"

namespace coordhub::coordctl {

// The ticket that was claimed, as an agent needs it: id, fence, title, body, and what to do next.
// `exports`: only lines for a shell's `eval`. With --json: `answer`.
void PrintClaimed(Context& context, const google::protobuf::Message& answer,
                  const pb::Ticket& ticket, const std::string& body, bool exports);

}  // namespace coordhub::coordctl
