#include "agent/coordctl/report.h"

#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "agent/base/text.h"
#include "agent/coordctl/json_output.h"

namespace coordhub::coordctl {
namespace {

using Json = nlohmann::ordered_json;

// The parts of an error in a fixed order, whatever order the map on the wire has.
std::map<std::string, std::string> Metadata(const absl::Status& status) {
  const auto info = base::ErrorInfoOf(status);
  if (!info.has_value()) return {};
  return {info->metadata().begin(), info->metadata().end()};
}

// Whether a mutation was sent whose answer did not arrive.
bool MayHaveHappened(const Context& context, const absl::Status& status) {
  return context.mutation_sent() && (absl::IsUnavailable(status) ||
                                     absl::IsDeadlineExceeded(status) || absl::IsCancelled(status));
}

std::string AsJson(const Context& context, const absl::Status& status) {
  const auto info = base::ErrorInfoOf(status);
  Json error = {{"code", absl::StatusCodeToString(status.code())},
                {"reason", info.has_value() ? info->reason() : ""},
                {"message", std::string(status.message())},
                {"metadata", Metadata(status)}};
  if (MayHaveHappened(context, status)) {
    error["mayHaveHappened"] = true;
    error["repeatWith"] = context.Repetition();
  }
  const Json object = {{"error", std::move(error)}};
  return DumpJson(object, /*pretty=*/false) + "\n";
}

// What to do about a mutation that may have happened; empty if there is none.
std::string RepeatAdvice(const Context& context, const absl::Status& status) {
  if (!MayHaveHappened(context, status)) return "";
  const std::string repetition = context.Repetition();
  return absl::StrCat("It may have happened all the same.",
                      repetition.empty() ? "" : " Repeated with this it happens once: ", repetition,
                      "\n");
}

std::string Advice(const Context& context, const absl::Status& status) {
  switch (base::ReasonOf(status)) {
    case pb::ERROR_REASON_OPERATOR_REQUIRED:
      if (context.implied_agent().empty()) return "";
      return "You act as " + context.implied_agent() + " in this worktree; add: --as operator";
    case pb::ERROR_REASON_SESSION_REQUIRED:
      if (absl::StrContains(status.message(), "agent register")) return "";
      return "Only an agent can do this; begin with: coordctl agent register NAME";
    case pb::ERROR_REASON_TOKEN_INVALID:
      return "The hub here did not give out this token; register again with: coordctl agent "
             "register "
             "NAME";
    case pb::ERROR_REASON_SESSION_ENDED:
      if (absl::StrContains(status.message(), "agent register")) return "";
      return "Whatever this session held may be another's now. Begin a new one with: coordctl "
             "agent register NAME";
    case pb::ERROR_REASON_HUB_UNREACHABLE:
      // The message says so already where no hub was ever started.
      if (absl::StrContains(status.message(), "coordhub start")) return "";
      return "coordhub status (in the repository) tells whether one runs; if none does: coordhub "
             "start";
    case pb::ERROR_REASON_AGENT_ACTIVE:
      return "If that session is dead, wait until it expires, or end it with: --takeover";
    case pb::ERROR_REASON_WORKTREE_HELD:
      // Who registers; not who removes.
      if (!absl::StrContains(status.message(), "share_worktree")) return "";
      return "A worktree of its own makes: coordctl worktree add --agent NAME; register there. To "
             "share this one on purpose: --share-worktree";
    default:
      return "";
  }
}

}  // namespace

std::string ErrorText(const Context& context, const absl::Status& status) {
  if (context.json()) return AsJson(context, status);
  std::string text = "coordctl: " + std::string(status.message());
  const auto info = base::ErrorInfoOf(status);
  if (info.has_value()) {
    text += " (" + info->reason();
    for (const auto& [key, value] : Metadata(status)) {
      // What the message says already, or what means nothing here.
      if (value.empty() || text.find(value) != std::string::npos) continue;
      absl::StrAppend(&text, ", ", key, " ", value);
    }
    text += ")";
  } else {
    text += " (" + absl::StatusCodeToString(status.code()) + ")";
  }
  text = base::TerminalSafe(text) + "\n";
  if (const std::string advice = Advice(context, status); !advice.empty()) {
    text += base::TerminalSafe(advice) + "\n";
  }
  return text + RepeatAdvice(context, status);
}

}  // namespace coordhub::coordctl
