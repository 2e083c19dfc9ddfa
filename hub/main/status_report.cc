#include "hub/main/status_report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "agent/base/text.h"
#include "hub/core/proto_time.h"

namespace coordhub::hub {
namespace {

// "STATE_OPEN" -> "OPEN".
std::string StateName(v1::Ticket::State state) { return v1::Ticket::State_Name(state).substr(6); }

std::string Tickets(const v1::Workspace& workspace) {
  std::string text;
  for (const v1::TicketCount& count : workspace.ticket_counts()) {
    if (count.count() == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : ", ", StateName(count.state()), " ", count.count());
  }
  return text.empty() ? "none" : text;
}

void AppendRow(const char* name, const std::string& value, std::string* out) {
  absl::StrAppendFormat(out, "  %-11s %s\n", name, base::TerminalSafe(value));
}

std::string LogPosition(const v1::Workspace& workspace) {
  std::string text = absl::StrCat("revision ", workspace.head_revision());
  if (workspace.compact_revision() > 0) {
    absl::StrAppend(&text, ", compacted up to ", workspace.compact_revision());
  }
  absl::StrAppend(&text, ", log ", workspace.log_id());
  return text;
}

std::string Mirror(const v1::Workspace& workspace) {
  if (!workspace.mirror_problem().empty()) return "FAILING: " + workspace.mirror_problem();
  if (workspace.mirrored_revision() == workspace.head_revision()) return "shared_state/ is current";
  return absl::StrCat("shared_state/ shows revision ", workspace.mirrored_revision());
}

}  // namespace

std::string StatusText(const v1::GetHubResponse& hub, const base::EndpointFile& endpoint,
                       absl::TimeZone zone) {
  const v1::Workspace& workspace = hub.workspace();
  std::string out = absl::StrCat(
      "coordhub ", hub.version(), hub.draining() ? " draining" : " running", ", pid ", hub.pid(),
      ", since ", absl::FormatTime("%Y-%m-%d %H:%M:%S", core::FromProto(hub.start_time()), zone),
      "\n");
  AppendRow("repository",
            absl::StrCat(workspace.common_dir(), " (workspace ", workspace.workspace_id(), ")"),
            &out);
  AppendRow("endpoint", endpoint.endpoint, &out);
  if (!endpoint.tcp.empty()) AppendRow("tcp", endpoint.tcp, &out);
  AppendRow("log", LogPosition(workspace), &out);
  if (!workspace.write_refusal().empty()) AppendRow("REFUSING", workspace.write_refusal(), &out);
  AppendRow("mirror", Mirror(workspace), &out);
  AppendRow("agents", absl::StrCat(workspace.active_agents(), " active"), &out);
  AppendRow("tickets", Tickets(workspace), &out);
  return out;
}

std::string StatusJson(const v1::GetHubResponse& hub, const base::EndpointFile& endpoint) {
  const v1::Workspace& workspace = hub.workspace();
  nlohmann::ordered_json tickets = nlohmann::ordered_json::object();
  for (const v1::TicketCount& count : workspace.ticket_counts()) {
    tickets[StateName(count.state())] = count.count();
  }
  const nlohmann::ordered_json object = {
      {"running", true},
      {"pid", hub.pid()},
      {"version", hub.version()},
      {"start_time", absl::FormatTime(absl::RFC3339_full, core::FromProto(hub.start_time()),
                                      absl::UTCTimeZone())},
      {"draining", hub.draining()},
      {"endpoint", endpoint.endpoint},
      {"tcp", endpoint.tcp},
      {"workspace", workspace.workspace_id()},
      {"repository", workspace.common_dir()},
      {"log_id", workspace.log_id()},
      {"head_revision", workspace.head_revision()},
      {"compact_revision", workspace.compact_revision()},
      {"mirrored_revision", workspace.mirrored_revision()},
      {"mirror_problem", workspace.mirror_problem()},
      {"write_refusal", workspace.write_refusal()},
      {"active_agents", workspace.active_agents()},
      {"tickets", tickets}};
  return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace coordhub::hub
