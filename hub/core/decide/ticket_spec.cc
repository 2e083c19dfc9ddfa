#include "hub/core/decide/ticket_spec.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/blocking.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/limits.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

struct Field {
  std::string_view path;
  bool of_queue;
  // Null for the body.
  void (*set)(const pb::TicketSpec& spec, pb::Ticket* ticket);
};

void SetLabels(const pb::TicketSpec& spec, pb::Ticket* ticket) {
  const std::vector<std::string> labels = NormalLabels(spec.labels());
  *ticket->mutable_labels() = {labels.begin(), labels.end()};
}

void SetDependencies(const pb::TicketSpec& spec, pb::Ticket* ticket) {
  *ticket->mutable_dependencies() = spec.dependencies();
  for (pb::Dependency& dependency : *ticket->mutable_dependencies()) {
    if (dependency.until() == pb::Dependency::UNTIL_UNSPECIFIED) {
      dependency.set_until(pb::Dependency::UNTIL_DONE);
    }
  }
}

// Whoever says when the ticket is due says it for its next attempt: a back-off ends with that.
void SetNotBefore(const pb::TicketSpec& spec, pb::Ticket* ticket) {
  ticket->clear_backoff();
  ticket->clear_not_before();
  if (spec.has_not_before()) *ticket->mutable_not_before() = spec.not_before();
}

constexpr std::array kFields = {
    Field{"title", false, [](const pb::TicketSpec& s, pb::Ticket* t) { t->set_title(s.title()); }},
    Field{"body", false, nullptr},
    Field{"priority", false,
          [](const pb::TicketSpec& s, pb::Ticket* t) {
            t->set_priority(s.has_priority() ? s.priority() : limits::kPriorityDefault);
          }},
    Field{"labels", false, SetLabels},
    Field{"paths", false,
          [](const pb::TicketSpec& s, pb::Ticket* t) { *t->mutable_paths() = s.paths(); }},
    Field{"dependencies", true, SetDependencies},
    Field{"parent_ticket_id", true,
          [](const pb::TicketSpec& s, pb::Ticket* t) {
            t->set_parent_ticket_id(s.parent_ticket_id());
          }},
    Field{"assignee_agent_id", true,
          [](const pb::TicketSpec& s, pb::Ticket* t) {
            t->set_assignee_agent_id(s.assignee_agent_id());
          }},
    Field{"not_before", true, SetNotBefore},
    Field{"max_attempts", false,
          [](const pb::TicketSpec& s, pb::Ticket* t) {
            t->set_max_attempts(s.max_attempts() != 0 ? s.max_attempts()
                                                      : limits::kMaxAttemptsDefault);
          }},
};

const Field* FindField(std::string_view path) {
  const auto field = std::find_if(kFields.begin(), kFields.end(),
                                  [&](const Field& candidate) { return candidate.path == path; });
  return field == kFields.end() ? nullptr : &*field;
}

// `number` is the ticket that is to depend on it; 0: a new one. `gained`: so many others that are
// not in the state yet do.
absl::Status RequireRoomForDependent(const Context& context, const std::string& ticket_id,
                                     int64_t number, int64_t gained) {
  const DependentsIndex::Dependents& dependents =
      context.state.DependentsOf(TicketNumber(ticket_id));
  size_t present = dependents.unfinished.size();
  if (base::MutantActive("finished_dependents_count")) present += dependents.finished.size();
  if (static_cast<int64_t>(present) + gained < limits::kDependents ||
      dependents.unfinished.contains(number)) {
    return absl::OkStatus();
  }
  return LimitReached("dependents_per_ticket", limits::kDependents,
                      absl::StrCat(limits::kDependents, " unfinished tickets depend on ", ticket_id,
                                   "; put one between that waits for it"));
}

}  // namespace

std::vector<std::string> NormalLabels(
    const google::protobuf::RepeatedPtrField<std::string>& labels) {
  std::vector<std::string> normal(labels.begin(), labels.end());
  std::sort(normal.begin(), normal.end());
  normal.erase(std::unique(normal.begin(), normal.end()), normal.end());
  return normal;
}

bool IsTicketField(std::string_view path) { return FindField(path) != nullptr; }

bool IsQueueField(std::string_view path) {
  const Field* field = FindField(path);
  return field != nullptr && field->of_queue;
}

void SetTicketField(std::string_view path, const pb::TicketSpec& spec, pb::Ticket* ticket) {
  const Field* field = FindField(path);
  if (field != nullptr && field->set != nullptr) field->set(spec, ticket);
}

void SetTicketFields(const pb::TicketSpec& spec, pb::Ticket* ticket) {
  for (const Field& field : kFields) {
    if (field.set != nullptr) field.set(spec, ticket);
  }
  SetBody(spec.body(), ticket);
}

absl::Status RequireReferences(const Context& context, const pb::TicketSpec& spec, int64_t number,
                               GainedDependents* gained) {
  const auto known = [&](const std::string& ticket_id) {
    return context.state.FindTicket(TicketNumber(ticket_id)) != nullptr;
  };
  const auto archived = [&](const std::string& ticket_id) {
    return context.state.records().IsArchived(TicketNumber(ticket_id));
  };
  for (const pb::Dependency& dependency : spec.dependencies()) {
    if (!known(dependency.ticket_id()) && !archived(dependency.ticket_id())) {
      return TicketNotFound(dependency.ticket_id());
    }
    const int64_t others = gained == nullptr ? 0 : (*gained)[dependency.ticket_id()]++;
    COORDHUB_RETURN_IF_ERROR(
        RequireRoomForDependent(context, dependency.ticket_id(), number, others));
  }
  if (!spec.parent_ticket_id().empty() && !known(spec.parent_ticket_id())) {
    return archived(spec.parent_ticket_id()) ? TicketArchived(spec.parent_ticket_id())
                                             : TicketNotFound(spec.parent_ticket_id());
  }
  return absl::OkStatus();
}

absl::Status RequireRoomForUnfinished(const Context& context, const pb::Ticket& ticket) {
  for (const pb::Dependency& dependency : ticket.dependencies()) {
    COORDHUB_RETURN_IF_ERROR(RequireRoomForDependent(
        context, dependency.ticket_id(), TicketNumber(ticket.ticket_id()), /*gained=*/0));
  }
  return absl::OkStatus();
}

absl::Status RequireRoomForTickets(const Context& context, int count) {
  const int64_t present =
      static_cast<int64_t>(context.state.records().of<tables::Tickets>().size());
  if (present + count <= limits::kTickets) return absl::OkStatus();
  return LimitReached("tickets", limits::kTickets, absl::StrCat(limits::kTickets, " tickets"));
}

pb::Ticket MakeTicket(const Context& context, int64_t number, const pb::TicketSpec& spec) {
  pb::Ticket ticket;
  ticket.set_ticket_id(TicketId(number));
  ticket.set_creator(context.draft.actor());
  SetTicketFields(spec, &ticket);
  ticket.set_state(QueueState(context.draft, ticket));
  return ticket;
}

void SetBody(const std::string& text, pb::Ticket* ticket) {
  ticket->set_has_body(!text.empty());
  ticket->set_body_bytes(static_cast<int32_t>(text.size()));
}

void PutBody(Context& context, pb::Event& event, const std::string& ticket_id,
             const pb::Ticket* before, const std::string& text) {
  const bool had_one = before != nullptr && before->has_body();
  if (text.empty() && !had_one) return;
  pb::TicketBody body;
  body.set_ticket_id(ticket_id);
  body.set_text(text);
  // One of an older version does not say how long it is, but something it was.
  const int64_t bytes_before = had_one ? std::max(before->body_bytes(), 1) : 0;
  context.draft.PutStored(event, std::move(body), bytes_before);
}

}  // namespace coordhub::core
