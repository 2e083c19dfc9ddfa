// What the commands on one loop have in common.

#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <utility>

#include "agent/base/status_macros.h"
#include "agent/coordctl/command.h"
#include "agent/coordctl/json_output.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {

// The command's operand: which loop.
inline std::shared_ptr<std::string> AddLoopId(CLI::App* command) {
  auto loop_id = std::make_shared<std::string>();
  command->add_option("LOOP", *loop_id, "monitor, coordinator or comms")->required();
  return loop_id;
}

// Calls `method`, and shows the loop as it is then: FAILED is an answer, not an error.
template <class Request, class Response>
absl::StatusOr<ExitCode> CallOnLoop(Context& context, const char* method,
                                    const std::string& loop_id) {
  Request request;
  request.set_loop_id(loop_id);
  COORDHUB_ASSIGN_OR_RETURN(const agent::Client client, context.Connect());
  COORDHUB_ASSIGN_OR_RETURN(const Response response,
                            client.Call<Response>(method, std::move(request)));
  if (context.json()) {
    context.out() << ToJson(response, context.host().out_is_terminal) << "\n";
  } else {
    context.out() << LoopTable(context, {response.loop()}, context.host().clock->Wall()).Render();
  }
  return ExitCode::kOk;
}

}  // namespace coordhub::coordctl
