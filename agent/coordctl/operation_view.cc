#include "absl/strings/str_cat.h"
#include "agent/base/text.h"
#include "agent/client/proto_time.h"
#include "agent/coordctl/names.h"
#include "agent/coordctl/time_text.h"
#include "agent/coordctl/views.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kShown = 200;

Color ColorOf(const pb::Operation& operation) {
  switch (operation.state()) {
    case pb::Operation::STATE_RUNNING:
    case pb::Operation::STATE_DONE:
      return Color::kGreen;
    case pb::Operation::STATE_CANCELLED:
      return Color::kDim;
    default:
      return Color::kRed;
  }
}

std::string Percent(const pb::Operation& operation) {
  return absl::StrCat(operation.percent(), "%");
}

std::string Age(const google::protobuf::Timestamp& time, bool set, absl::Time now) {
  return set ? ShowAge(agent::FromProto(time), now) : "";
}

}  // namespace

Table OperationTable(const Context& context, const std::vector<pb::Operation>& operations,
                     absl::Time now) {
  Table table =
      context.NewTable({"OPERATION", "KIND", "STATE", "DONE", "AGE", "BY", "SUBJECT", "NOTE"});
  for (const pb::Operation& operation : operations) {
    const std::string& note = operation.error().empty() ? operation.note() : operation.error();
    table.Add({{operation.operation_id(), Color::kBold},
               {KindName(operation.kind())},
               {StateName(operation.state()), ColorOf(operation)},
               {Percent(operation)},
               {Age(operation.create_time(), operation.has_create_time(), now)},
               {base::OneLine(operation.actor(), kShown)},
               {base::OneLine(operation.subject(), kShown)},
               {base::OneLine(note, kShown)}});
  }
  return table;
}

std::string OperationText(const Context& context, const pb::Operation& operation, absl::Time now) {
  const auto line = [&context](const char* key, const std::string& value) {
    return KeyLine(context, key, value);
  };
  return line("operation", operation.operation_id()) + line("kind", KindName(operation.kind())) +
         line("state", StateName(operation.state())) + line("done", Percent(operation)) +
         line("subject", operation.subject()) + line("by", operation.actor()) +
         line("note", operation.note()) + line("error", operation.error()) +
         line("began", Age(operation.create_time(), operation.has_create_time(), now)) +
         line("ended", Age(operation.end_time(), operation.has_end_time(), now));
}

}  // namespace coordhub::coordctl
