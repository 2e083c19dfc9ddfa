// The smallest agent that does real work: it registers, claims one ticket after the other, "works",
// completes them, and leaves when none has come for ten seconds.
//
//   hello_agent unix:/path/to/repository/.git/coordhub/hub.sock conversation-42

#include <iostream>

#include "agent/client/client.h"
#include "agent/client/proto_time.h"
#include "agent/client/session.h"

using namespace coordhub::agent;  // NOLINT(google-build-using-namespace): an example, to be read

int Fail(const absl::Status& status) {
  std::cerr << status << "\n";
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 3) return Fail(absl::InvalidArgumentError("usage: hello_agent ENDPOINT NAME"));
  const absl::StatusOr<Client> client = Client::Connect({.endpoint = argv[1]});
  if (!client.ok()) return Fail(client.status());

  pb::RegisterAgentRequest me;
  me.set_agent_id(argv[2]);
  me.set_program("hello_agent");
  // From here on a thread of the session's own keeps the lease alive.
  const auto session = Session::Register(*client, me);
  if (!session.ok()) return Fail(session.status());

  for (;;) {
    pb::ClaimNextTicketRequest next;
    *next.mutable_wait() = ToProto(absl::Seconds(10));
    const auto claimed = (*session)->client().ClaimNextTicket(next);
    if (!claimed.ok()) return Fail(claimed.status());
    if (!claimed->has_ticket()) break;
    const pb::Ticket& ticket = claimed->ticket();
    std::cout << "working on " << ticket.ticket_id() << ": " << ticket.title() << "\n";

    pb::CompleteTicketRequest done;
    done.set_ticket_id(ticket.ticket_id());
    done.set_fence(ticket.claim().fence());  // refused if the claim was lost meanwhile
    done.set_summary("said hello");
    const auto completed = (*session)->client().CompleteTicket(done);
    if (!completed.ok()) return Fail(completed.status());
  }
  const absl::Status left = (*session)->Leave("no more work");
  return left.ok() ? 0 : Fail(left);
}
