#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "agent/base/status_macros.h"
#include "hub/core/decide/blocking.h"
#include "hub/core/decide/commands.h"
#include "hub/core/decide/cycles.h"
#include "hub/core/decide/refusals.h"
#include "hub/core/decide/ticket_spec.h"
#include "hub/core/limits.h"
#include "hub/core/records.h"

namespace coordhub::core {
namespace {

// A batch on its way to tickets: numbers are given in order of the request, and references among
// its members become ids.
class Batch {
 public:
  Batch(Context& context, const pb::BatchCreateTicketsRequest& request)
      : context_(context), request_(request) {
    for (const pb::NewTicket& member : request.tickets()) {
      numbers_.push_back(context.draft.NewTicketNumber());
      if (!member.local_id().empty()) {
        ids_.emplace("@" + member.local_id(), TicketId(numbers_.back()));
      }
    }
  }

  // Whether the members are not too much together. Errors: LIMIT_REACHED.
  absl::Status RequireRoomForEntries() const {
    int entries = 0;
    for (const pb::NewTicket& member : request_.tickets()) {
      const pb::TicketSpec& spec = member.spec();
      entries += spec.labels_size() + spec.dependencies_size() + spec.paths_size();
    }
    if (entries <= limits::kBatchEntries) return absl::OkStatus();
    return LimitReached(
        "batch_entries", limits::kBatchEntries,
        absl::StrCat("a batch has ", entries, " labels, dependencies and paths; make several"));
  }

  // Whether the state knows the references that are not to members. Errors: TICKET_NOT_FOUND,
  // LIMIT_REACHED.
  absl::Status RequireOutsideReferences() const {
    GainedDependents gained;
    for (const pb::NewTicket& member : request_.tickets()) {
      pb::TicketSpec outside;
      for (const pb::Dependency& dependency : member.spec().dependencies()) {
        if (!IsMember(dependency.ticket_id())) *outside.add_dependencies() = dependency;
      }
      if (!IsMember(member.spec().parent_ticket_id())) {
        outside.set_parent_ticket_id(member.spec().parent_ticket_id());
      }
      COORDHUB_RETURN_IF_ERROR(RequireReferences(context_, outside, 0, &gained));
    }
    return absl::OkStatus();
  }

  // Adds all tickets.
  void Create() {
    FindParents();
    for (size_t i = 0; i < numbers_.size(); ++i) CreateMember(i);
  }

  absl::Status CheckEdges() const {
    COORDHUB_RETURN_IF_ERROR(CheckCycles(context_.draft, numbers_,
                                         [&](int64_t number) { return NameOfTicket(number); }));
    for (const int64_t number : numbers_) {
      COORDHUB_RETURN_IF_ERROR(CheckParentDepth(context_.draft, number));
    }
    return absl::OkStatus();
  }

 private:
  bool IsMember(const std::string& reference) const { return ids_.contains(reference); }

  std::string IdOf(const std::string& reference) const {
    const auto member = ids_.find(reference);
    return member == ids_.end() ? reference : member->second;
  }

  // Members that will have children in the batch, which are BLOCKED from the start.
  void FindParents() {
    for (const pb::NewTicket& member : request_.tickets()) {
      if (IsMember(member.spec().parent_ticket_id())) {
        parents_.insert(IdOf(member.spec().parent_ticket_id()));
      }
    }
  }

  void CreateMember(size_t index) {
    pb::TicketSpec spec = request_.tickets(static_cast<int>(index)).spec();
    for (pb::Dependency& dependency : *spec.mutable_dependencies()) {
      dependency.set_ticket_id(IdOf(dependency.ticket_id()));
    }
    spec.set_parent_ticket_id(IdOf(spec.parent_ticket_id()));

    pb::Ticket ticket = MakeTicket(context_, numbers_[index], spec);
    const std::string ticket_id = ticket.ticket_id();
    if (parents_.contains(ticket_id)) ticket.set_state(pb::Ticket::STATE_BLOCKED);
    pb::Event& event = context_.draft.Add(pb::EVENT_KIND_TICKET_CREATED);
    context_.draft.Put(event, std::move(ticket));
    PutBody(context_, event, ticket_id, /*before=*/nullptr, spec.body());
  }

  // A member by its local id, or by its place: its number is not given before it exists.
  std::string NameOfTicket(int64_t number) const {
    if (number < numbers_.front()) return TicketId(number);
    const int index = static_cast<int>(number - numbers_.front());
    const std::string& local_id = request_.tickets(index).local_id();
    return local_id.empty() ? absl::StrCat("tickets[", index, "]") : absl::StrCat("@", local_id);
  }

  Context& context_;
  const pb::BatchCreateTicketsRequest& request_;
  std::vector<int64_t> numbers_;
  // Ticket ids by "@<local_id>".
  absl::flat_hash_map<std::string, std::string> ids_;
  absl::flat_hash_set<std::string> parents_;
};

}  // namespace

absl::Status DecideCommand(Context& context, const pb::BatchCreateTicketsRequest& request) {
  Batch batch(context, request);
  COORDHUB_RETURN_IF_ERROR(batch.RequireRoomForEntries());
  COORDHUB_RETURN_IF_ERROR(batch.RequireOutsideReferences());
  COORDHUB_RETURN_IF_ERROR(RequireRoomForTickets(context, request.tickets_size()));
  batch.Create();
  return batch.CheckEdges();
}

}  // namespace coordhub::core
