#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/base/text.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/time_text.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kShown = 200;
constexpr size_t kShortCommit = 10;

Color ColorOf(pb::Round::State state) {
  switch (state) {
    case pb::Round::STATE_READY:
    case pb::Round::STATE_CONVERGED:
      return Color::kGreen;
    case pb::Round::STATE_OPEN:
    case pb::Round::STATE_INTEGRATING:
      return Color::kYellow;
    case pb::Round::STATE_CANCELLED:
      return Color::kDim;
    default:
      return Color::kRed;
  }
}

Color ColorOf(pb::RoundMember::State state) {
  switch (state) {
    case pb::RoundMember::STATE_READY:
    case pb::RoundMember::STATE_INTEGRATED:
      return Color::kGreen;
    case pb::RoundMember::STATE_WORKING:
      return Color::kYellow;
    default:
      return Color::kRed;
  }
}

std::string Age(const google::protobuf::Timestamp& time, bool set, absl::Time now) {
  return set ? ShowAge(agent::FromProto(time), now) : "";
}

int ReadyMembers(const pb::Round& round) {
  return static_cast<int>(
      std::count_if(round.members().begin(), round.members().end(), [](const auto& member) {
        return member.state() == pb::RoundMember::STATE_READY ||
               member.state() == pb::RoundMember::STATE_INTEGRATED;
      }));
}

Table MemberTable(const Context& context, const pb::Round& round, absl::Time now) {
  Table table = context.NewTable({"MEMBER", "BRANCH", "STATE", "COMMIT", "AGE", "REASON"});
  for (const pb::RoundMember& member : round.members()) {
    const std::string& commit =
        member.integrated_commit().empty() ? member.ready_commit() : member.integrated_commit();
    table.Add({{member.agent_id().empty() ? "-" : base::OneLine(member.agent_id(), kShown)},
               {base::OneLine(member.branch(), kShown), Color::kBold},
               {StateName(member.state()), ColorOf(member.state())},
               {commit.substr(0, kShortCommit)},
               {Age(member.ready_time(), member.has_ready_time(), now)},
               {base::OneLine(member.reason(), kShown)}});
  }
  return table;
}

}  // namespace

Table RoundTable(const Context& context, const std::vector<pb::Round>& rounds, absl::Time now) {
  Table table =
      context.NewTable({"ROUND", "STATE", "TARGET", "READY", "BLOCKERS", "AGE", "BY", "REASON"});
  for (const pb::Round& round : rounds) {
    table.Add({{round.round_id(), Color::kBold},
               {StateName(round.state()), ColorOf(round.state())},
               {base::OneLine(round.target(), kShown)},
               {absl::StrCat(ReadyMembers(round), "/", round.members_size())},
               {absl::StrCat(round.blocker_count())},
               {Age(round.create_time(), round.has_create_time(), now)},
               {base::OneLine(round.creator(), kShown)},
               {base::OneLine(round.reason(), kShown)}});
  }
  return table;
}

Table BlockerTable(const Context& context, const pb::Round& round, absl::Time now) {
  Table table = context.NewTable({"BLOCKER", "WHO", "AGE", "TO DO"});
  for (const pb::RoundBlocker& blocker : round.blockers()) {
    std::string action = blocker.action();
    if (blocker.paths_size() > 0) {
      absl::StrAppend(&action, " (", absl::StrJoin(blocker.paths(), ", "), ")");
    }
    const std::string& who = blocker.agent_id().empty() ? blocker.branch() : blocker.agent_id();
    table.Add({{KindName(blocker.kind()), Color::kRed},
               {base::OneLine(who, kShown)},
               {Age(blocker.since_time(), blocker.has_since_time(), now)},
               {base::OneLine(action, 4 * kShown)}});
  }
  return table;
}

std::string RoundText(const Context& context, const pb::Round& round, absl::Time now) {
  const auto line = [&context](const char* key, const std::string& value) {
    return KeyLine(context, key, value);
  };
  std::string text = line("round", round.round_id()) + line("state", StateName(round.state())) +
                     line("target", round.target()) + line("opened by", round.creator()) +
                     line("opened", Age(round.create_time(), round.has_create_time(), now)) +
                     line("ended", Age(round.end_time(), round.has_end_time(), now)) +
                     line("commit", round.converged_commit()) + line("reason", round.reason()) +
                     line("operation", round.operation_id());
  absl::StrAppend(&text, "\n", MemberTable(context, round, now).Render());
  if (round.blocker_count() == 0) return text;
  absl::StrAppend(&text, "\n", BlockerTable(context, round, now).Render());
  const int hidden = round.blocker_count() - round.blockers_size();
  if (hidden > 0) absl::StrAppend(&text, "and ", hidden, " more\n");
  return text;
}

}  // namespace coordhub::coordctl
