#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/text.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/diagnosis.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/time_text.h"

namespace coordhub::coordctl {
namespace {

using Level = Finding::Level;

// "T-1, T-2 and 7 more"
std::string SomeOf(std::vector<std::string> names) {
  static constexpr size_t kNamed = 5;
  const size_t more = names.size() > kNamed ? names.size() - kNamed : 0;
  names.resize(names.size() - more);
  return absl::StrCat(absl::StrJoin(names, ", "),
                      more == 0 ? "" : absl::StrCat(" and ", more, " more"));
}

std::string SomeOf(const std::vector<pb::Ticket>& tickets) {
  std::vector<std::string> names;
  for (const pb::Ticket& ticket : tickets) names.push_back(ticket.ticket_id());
  return SomeOf(std::move(names));
}

class HubDoctor {
 public:
  explicit HubDoctor(const Overview& overview) : overview_(overview) {}

  void Hub(const std::string& version) {
    const pb::GetHubResponse& hub = overview_.hub;
    if (hub.draining()) {
      Add(Level::kWarning, "hub", "it is stopping", "to go on afterwards: coordhub start");
    }
    if (hub.version() != version) {
      Add(Level::kWarning, "hub",
          absl::StrCat("the hub is version ", hub.version(), ", this program ", version),
          "coordhub restart, once the newer version is installed");
    } else {
      Add(Level::kFine, "hub",
          absl::StrCat("it answers: version ", hub.version(), ", revision ",
                       hub.workspace().head_revision()));
    }
  }

  void Journal() {
    const pb::Workspace& workspace = overview_.hub.workspace();
    if (!workspace.write_refusal().empty()) {
      Add(Level::kProblem, "journal", "writing is refused: " + workspace.write_refusal(),
          "make room on the disk; the hub writes on by itself");
    }
    const int64_t kept = workspace.head_revision() - workspace.compact_revision();
    if (workspace.retained_events() > 0 && kept > 2 * workspace.retained_events()) {
      Add(Level::kWarning, "journal", absl::StrCat(kept, " events are kept"),
          "coordctl --as operator hub compact, or coordctl maintain");
    }
  }

  void Loops() {
    if (!overview_.loops.status.ok()) return Trouble("loops", overview_.loops.status);
    const std::string& logs = overview_.hub.workspace().log_dir();
    const std::string see = logs.empty() ? "" : "; its log is in " + logs;
    for (const pb::Loop& loop : overview_.loops.items) {
      switch (loop.state()) {
        case pb::Loop::STATE_RUNNING:
          Add(Level::kFine, "loops", loop.title() + " runs");
          break;
        case pb::Loop::STATE_PAUSED:
          Add(Level::kWarning, "loops", loop.title() + " is paused",
              "coordctl --as operator loop resume " + loop.loop_id());
          break;
        case pb::Loop::STATE_STALLED:
          Add(Level::kProblem, "loops",
              absl::StrCat(loop.title(), " is stalled: what it does now takes longer than ",
                           ShowSpan(agent::FromProto(loop.interval()))),
              "is the disk or git slow? If it stays so: coordhub restart" + see);
          break;
        default:
          Add(Level::kProblem, "loops",
              absl::StrCat(loop.title(), " failed ", loop.failure_count(),
                           " times: ", base::OneLine(base::TerminalSafe(loop.last_error()), 300)),
              "it tries again by itself once the reason is gone" + see);
      }
    }
  }

  void Mirror() {
    const pb::Workspace& workspace = overview_.hub.workspace();
    if (workspace.mirror_problem().empty()) return;
    Add(Level::kProblem, "mirror", "shared_state/ is not written: " + workspace.mirror_problem(),
        "remove what is in the way; it heals by itself");
  }

  void Repository() {
    if (!overview_.repository_status.ok())
      return Trouble("repository", overview_.repository_status);
    if (!overview_.repository.problem().empty()) {
      Add(Level::kWarning, "repository",
          base::OneLine(base::TerminalSafe(overview_.repository.problem()), 300));
    }
    for (const pb::Worktree& worktree : overview_.worktrees.items) {
      if (worktree.problem().empty()) continue;
      Add(Level::kWarning, "repository",
          absl::StrCat("worktree ", worktree.path(), ": ",
                       base::OneLine(base::TerminalSafe(worktree.problem()), 300)),
          "if it is gone: coordctl maintain; if it was moved: git worktree repair");
    }
    for (const pb::Branch& branch : overview_.branches.items) {
      if (branch.problem().empty()) continue;
      Add(Level::kWarning, "repository",
          absl::StrCat("branch ", branch.branch(), ": ",
                       base::OneLine(base::TerminalSafe(branch.problem()), 300)),
          "git fsck tells more");
    }
  }

  void Agents() {
    for (const pb::Agent& agent : overview_.agents.items) {
      if (agent.state() != pb::Agent::STATE_SUSPECT) continue;
      Add(Level::kWarning, "agents",
          absl::StrCat(agent.agent_id(), " has been silent for ",
                       ShowSpan(overview_.time - agent::FromProto(agent.last_seen_time())),
                       "; its session ends in ",
                       ShowSpan(agent::FromProto(agent.expire_time()) - overview_.time)),
          "if it lives, it should keep its session: coordctl agent hold --pid PID");
    }
  }

  // Claims that may be somebody's who breathes but does nothing.
  void Claims() {
    std::vector<std::string> old;
    for (const pb::Ticket& ticket : overview_.claimed) {
      if (!IsOldClaim(overview_, ticket)) continue;
      old.push_back(absl::StrCat(ticket.ticket_id(), " (", ticket.claim().agent_id(), ", for ",
                                 ShowSpan(overview_.time - HeldSince(ticket)),
                                 ", last sign of work: ", LastWorkText(ticket, overview_.time),
                                 ")"));
    }
    if (old.empty()) return;
    Add(Level::kWarning, "tickets",
        absl::StrCat("held for more than ", ShowSpan(overview_.claim_age), ": ", SomeOf(old)),
        "does the holder work? If not: coordctl --as operator ticket release T-N --force. To free "
        "what is not renewed by itself: coordhub start --claim-timeout 2h");
  }

  void Tickets(const std::vector<pb::Ticket>& stuck, const std::vector<pb::Ticket>& buried) {
    if (!stuck.empty()) {
      Add(Level::kWarning, "tickets",
          absl::StrCat("stuck, for what they wait for has failed: ", SomeOf(stuck)),
          "reopen what failed, or take it off with: coordctl ticket update T-N --depends ...");
    }
    if (!buried.empty()) {
      Add(Level::kWarning, "tickets", "buried, for all attempts have failed: " + SomeOf(buried),
          "coordctl ticket show T-N tells why; coordctl --as operator ticket reopen T-N");
    }
  }

  std::vector<Finding> Take() { return std::move(findings_); }

 private:
  void Add(Level level, const char* area, std::string what, std::string advice = "") {
    findings_.push_back({level, area, std::move(what), std::move(advice)});
  }
  void Trouble(const char* area, const absl::Status& status) {
    Add(Level::kProblem, area, std::string(status.message()), "the hub's log may tell more");
  }

  const Overview& overview_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> DiagnoseHub(const Overview& overview, const std::vector<pb::Ticket>& stuck,
                                 const std::vector<pb::Ticket>& buried,
                                 const std::string& version) {
  HubDoctor doctor(overview);
  doctor.Hub(version);
  doctor.Journal();
  doctor.Loops();
  doctor.Mirror();
  doctor.Repository();
  doctor.Agents();
  doctor.Claims();
  doctor.Tickets(stuck, buried);
  return doctor.Take();
}

}  // namespace coordhub::coordctl
