#include "absl/strings/str_cat.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/ticket_counts.h"
#include "agent/coordctl/time_text.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

std::string Bytes(int64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  if (bytes < int64_t{1024} * 1024) return absl::StrCat(bytes / 1024, " KiB");
  return absl::StrCat(bytes / (int64_t{1024} * 1024), " MiB");
}

std::string TextSize(const pb::Workspace& workspace) {
  if (workspace.text_quota_bytes() == 0) return Bytes(workspace.text_bytes());
  return absl::StrCat(Bytes(workspace.text_bytes()), " of ", Bytes(workspace.text_quota_bytes()));
}

}  // namespace

std::string HubText(const Context& context, const pb::GetHubResponse& hub, absl::Time now) {
  const pb::Workspace& workspace = hub.workspace();
  const auto line = [&](const char* key, const std::string& value) {
    return KeyLine(context, key, value);
  };
  const std::string state = hub.draining()                       ? "draining"
                            : !workspace.write_refusal().empty() ? "reads only"
                                                                 : "serving";
  std::string text = absl::StrCat(
      line("hub", absl::StrCat(hub.version(), ", process ", hub.pid(), ", up ",
                               ShowSpan(now - agent::FromProto(hub.start_time())))),
      line("state", state), line("writing refused", workspace.write_refusal()),
      line("workspace", workspace.workspace_id()), line("repository", workspace.common_dir()),
      line("state directory", workspace.state_dir()), line("you are", hub.caller()),
      line("tickets", TicketCounts(workspace)),
      line("agents",
           absl::StrCat(workspace.active_agents(), " live, ", workspace.watchers(), " watching")),
      line("claim timeout", workspace.has_claim_timeout_default()
                                ? ShowSpan(agent::FromProto(workspace.claim_timeout_default()))
                                : ""));
  absl::StrAppend(
      &text,
      line("revision",
           absl::StrCat(workspace.head_revision(), ", compacted to ", workspace.compact_revision(),
                        ", mirrored to ", workspace.mirrored_revision())),
      line("log", workspace.log_id()),
      line("journal", absl::StrCat(Bytes(workspace.journal_bytes()), ", at least ",
                                   workspace.retained_events(), " events kept")),
      line("text", TextSize(workspace)),
      line("archived", workspace.archived_tickets() > 0
                           ? absl::StrCat(workspace.archived_tickets(), " of the finished tickets")
                           : ""),
      line("digest", workspace.digest()));
  return text;
}

}  // namespace coordhub::coordctl
