// Records as text: rows of tables, and whole records for reading.
//
// Everything that comes from agents is made safe for a terminal here (terminal.h).

#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/coordctl/context.h"
#include "agent/coordctl/overview.h"
#include "coordhub/v1/agent_service.pb.h"
#include "coordhub/v1/event_service.pb.h"
#include "coordhub/v1/hub_service.pb.h"
#include "coordhub/v1/operation_service.pb.h"
#include "coordhub/v1/ticket_service.pb.h"

namespace coordhub::coordctl {

// Columns: id, state, priority, holder, fence, labels, title.
Table TicketTable(const Context& context, const std::vector<pb::Ticket>& tickets);
// Columns: id, state, branch, claims, seconds since it was heard, program, worktree.
Table AgentTable(const Context& context, const std::vector<pb::Agent>& agents, absl::Time now);
// Columns: ticket, fence, time left of the claim (empty: as long as the session).
Table ClaimTable(const Context& context, const std::vector<pb::HeldClaim>& claims);
// Columns: id, state, interval, time since the last step, how long it took, time to the next,
// steps, the last error.
Table LoopTable(const Context& context, const std::vector<pb::Loop>& loops, absl::Time now);

// Columns: id, kind, state, percent, age, who asked for it, what it is about, what it does now or
// what came of it.
Table OperationTable(const Context& context, const std::vector<pb::Operation>& operations,
                     absl::Time now);
// "key: value" lines.
std::string OperationText(const Context& context, const pb::Operation& operation, absl::Time now);

// Columns: id, state, target, members that are ready, blockers, age, who opened it, reason.
Table RoundTable(const Context& context, const std::vector<pb::Round>& rounds, absl::Time now);
// Columns: kind, who must act, since when, what is to be done.
Table BlockerTable(const Context& context, const pb::Round& round, absl::Time now);
// "key: value" lines, then its members and what blocks it.
std::string RoundText(const Context& context, const pb::Round& round, absl::Time now);

// "key: value" lines, then the body and the comments, indented.
std::string TicketText(const Context& context, const pb::Ticket& ticket, const std::string& body,
                       const std::vector<pb::Comment>& comments);
// `heading`: what the first line calls it.
std::string AgentText(const Context& context, const pb::Agent& agent,
                      const std::vector<pb::HeldClaim>& claims, absl::Time now,
                      const char* heading = "agent");
std::string HubText(const Context& context, const pb::GetHubResponse& hub, absl::Time now);

// A line for each of hub, loops, mirror and repository: ✓ or ✗ (- for what is paused), its name,
// its state, and in brackets what else there is to say.
std::string HealthText(const Context& context, const Overview& overview);
// HealthText, then a section for each thing that there is, of at most `limit` rows.
std::string OverviewText(const Context& context, const Overview& overview, size_t limit);
// One object: `healthy`, `problems` (ProblemsOf), and a member for each part, records as
// protobuf's JSON has them. Ends with a newline.
std::string OverviewJson(const Overview& overview, bool pretty);

// One line: revision, time, kind, subject, actor, more.
std::string EventLine(const Context& context, const pb::Event& event);
// One line for a record of a snapshot.
std::string RecordLine(const Context& context, int64_t revision, const pb::RecordChange& record);

// "key: value" with the value made safe for one line; "" if the value is empty.
std::string KeyLine(const Context& context, const std::string& key, const std::string& value);

}  // namespace coordhub::coordctl
