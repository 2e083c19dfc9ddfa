#include <algorithm>

#include "absl/strings/str_cat.h"
#include "agent/base/text.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/time_text.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kShownError = 200;

Color ColorOf(const pb::Loop& loop) {
  if (loop.state() == pb::Loop::STATE_PAUSED) return Color::kDim;
  return IsHealthy(loop) ? Color::kGreen : Color::kRed;
}

// A step is a matter of milliseconds.
std::string Took(const pb::Loop& loop) {
  if (!loop.has_last_step_duration()) return "";
  const absl::Duration took = agent::FromProto(loop.last_step_duration());
  if (took >= absl::Seconds(1)) return ShowSpan(took);
  return absl::StrCat(absl::ToInt64Milliseconds(took), "ms");
}

std::string NextStep(const pb::Loop& loop, absl::Time now) {
  if (!loop.has_next_step_time()) return "";
  return ShowSpan(std::max(absl::ZeroDuration(), agent::FromProto(loop.next_step_time()) - now));
}

}  // namespace

Table LoopTable(const Context& context, const std::vector<pb::Loop>& loops, absl::Time now) {
  Table table =
      context.NewTable({"LOOP", "STATE", "EVERY", "STEPPED", "TOOK", "NEXT", "STEPS", "ERROR"});
  for (const pb::Loop& loop : loops) {
    const bool stepped = loop.has_last_step_time();
    table.Add({{loop.loop_id(), Color::kBold},
               {StateName(loop.state()), ColorOf(loop)},
               {ShowSpan(agent::FromProto(loop.interval()))},
               {stepped ? ShowAge(agent::FromProto(loop.last_step_time()), now) : ""},
               {Took(loop)},
               {NextStep(loop, now)},
               {absl::StrCat(loop.step_count())},
               {base::OneLine(loop.last_error(), kShownError)}});
  }
  return table;
}

}  // namespace coordhub::coordctl
