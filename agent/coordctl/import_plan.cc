#include "agent/coordctl/import_plan.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/sha256.h"
#include "agent/base/status_macros.h"

namespace coordhub::coordctl {
namespace {

constexpr size_t kMaxBatchTickets = 500;
// The hub takes 1 MiB in one request; the rest is for what the bytes below do not count.
constexpr size_t kMaxBatchBytes = size_t{768} * 1024;

// Whether it is a reference to an item of the file.
bool IsLocal(const std::string& id) { return id.size() > 1 && id[0] == '@'; }

// The local ids that an item refers to.
std::vector<std::string> References(const pb::TicketSpec& spec) {
  std::vector<std::string> names;
  const auto add = [&names](const std::string& id) {
    if (IsLocal(id)) names.push_back(id.substr(1));
  };
  add(spec.parent_ticket_id());
  for (const pb::Dependency& dependency : spec.dependencies()) add(dependency.ticket_id());
  return names;
}

absl::StatusOr<std::map<std::string, size_t>> IndexByLocalId(const std::vector<ImportItem>& items) {
  std::map<std::string, size_t> index;
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].local_id.empty()) continue;
    const auto [it, fresh] = index.emplace(items[i].local_id, i);
    if (!fresh) {
      return BadLine(items[i].line, absl::StrCat("local_id \"", items[i].local_id,
                                                 "\" is that of line ", items[it->second].line));
    }
  }
  return index;
}

// Who comes after whom, by index.
using Graph = std::vector<std::vector<size_t>>;

// The first item of a circle; there is one among those that are `missing` something.
size_t FirstInCircle(const Graph& followers, const std::vector<size_t>& missing) {
  std::vector<size_t> before(missing.size(), missing.size());  // one that each still waits for
  for (size_t i = 0; i < missing.size(); ++i) {
    if (missing[i] == 0) continue;
    for (const size_t follower : followers[i]) before[follower] = i;
  }
  size_t at = static_cast<size_t>(
      std::find_if(missing.begin(), missing.end(), [](size_t m) { return m > 0; }) -
      missing.begin());
  for (size_t step = 0; step < missing.size(); ++step) at = before[at];  // now it is in the circle
  size_t first = at;
  for (size_t i = before[at]; i != at; i = before[i]) first = std::min(first, i);
  return first;
}

// The order in which everything comes after what it follows, else as the file has it.
absl::StatusOr<std::vector<size_t>> Sort(const std::vector<ImportItem>& items,
                                         const Graph& followers) {
  std::vector<size_t> missing(items.size(), 0);
  for (const std::vector<size_t>& all : followers) {
    for (const size_t follower : all) ++missing[follower];
  }
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> free;
  for (size_t i = 0; i < items.size(); ++i) {
    if (missing[i] == 0) free.push(i);
  }
  std::vector<size_t> order;
  while (!free.empty()) {
    const size_t next = free.top();
    free.pop();
    order.push_back(next);
    for (const size_t follower : followers[next]) {
      if (--missing[follower] == 0) free.push(follower);
    }
  }
  if (order.size() == items.size()) return order;
  return BadLine(items[FirstInCircle(followers, missing)].line,
                 "this ticket waits, directly or through others, for itself");
}

// The order in which everything comes after what it refers to.
absl::StatusOr<std::vector<size_t>> OrderOf(const std::vector<ImportItem>& items,
                                            const std::map<std::string, size_t>& by_local_id) {
  Graph followers(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    for (const std::string& name : References(items[i].spec)) {
      const auto it = by_local_id.find(name);
      if (it == by_local_id.end()) {
        return BadLine(items[i].line,
                       absl::StrCat("no ticket here has the local_id \"", name, "\""));
      }
      followers[it->second].push_back(i);
    }
  }
  return Sort(items, followers);
}

// That no ticket waits for itself: each waits for what it depends on, and for its children.
absl::Status CheckWaiting(const std::vector<ImportItem>& items,
                          const std::map<std::string, size_t>& by_local_id) {
  Graph waiters(items.size());
  for (size_t i = 0; i < items.size(); ++i) {
    const pb::TicketSpec& spec = items[i].spec;
    for (const pb::Dependency& dependency : spec.dependencies()) {
      if (dependency.ticket_id() == spec.parent_ticket_id()) {
        return BadLine(items[i].line,
                       absl::StrCat("a child cannot depend on its parent ", spec.parent_ticket_id(),
                                    ", which waits for it"));
      }
      if (IsLocal(dependency.ticket_id())) {
        waiters[by_local_id.at(dependency.ticket_id().substr(1))].push_back(i);
      }
    }
    if (IsLocal(spec.parent_ticket_id())) {
      waiters[i].push_back(by_local_id.at(spec.parent_ticket_id().substr(1)));
    }
  }
  return Sort(items, waiters).status();
}

std::vector<size_t> CutIntoBatches(const std::vector<ImportItem>& items) {
  std::vector<size_t> begins = {0};
  size_t bytes = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    const size_t size = items[i].spec.ByteSizeLong() + items[i].local_id.size() + 16;
    if (i > begins.back() &&
        (i - begins.back() == kMaxBatchTickets || bytes + size > kMaxBatchBytes)) {
      begins.push_back(i);
      bytes = 0;
    }
    bytes += size;
  }
  if (!items.empty()) begins.push_back(items.size());
  return begins;
}

// Of each item, whether another one of its batch refers to it. To later batches it is known by its
// real id, so that who refers to it there changes nothing in its own.
std::vector<bool> NamedIn(const std::vector<ImportItem>& items, const std::vector<size_t>& begins,
                          const std::map<std::string, size_t>& by_local_id) {
  std::vector<bool> named(items.size(), false);
  for (size_t batch = 0; batch + 1 < begins.size(); ++batch) {
    for (size_t i = begins[batch]; i < begins[batch + 1]; ++i) {
      for (const std::string& name : References(items[i].spec)) {
        const size_t referred = by_local_id.at(name);
        if (referred >= begins[batch]) named[referred] = true;
      }
    }
  }
  return named;
}

// A request id for each batch, each from what comes before it and the batch itself.
std::vector<std::string> RequestIdsOf(const std::vector<ImportItem>& items,
                                      const std::vector<bool>& named,
                                      const std::vector<size_t>& begins, const std::string& salt) {
  std::vector<std::string> ids;
  std::string chain = salt;
  for (size_t batch = 0; batch + 1 < begins.size(); ++batch) {
    base::Sha256Hasher hasher;
    const auto update = [&hasher](const std::string& piece) {
      hasher.Update(absl::StrCat(piece.size(), ":"));  // so that pieces cannot run into one another
      hasher.Update(piece);
    };
    update(chain);
    for (size_t i = begins[batch]; i < begins[batch + 1]; ++i) {
      update(named[i] ? items[i].local_id : "");
      update(items[i].spec.SerializeAsString());  // has no map: always the same bytes
    }
    chain = base::HexEncode(hasher.Finish());
    ids.push_back(absl::StrCat("import-", chain.substr(0, 40), "-", batch));
  }
  return ids;
}

}  // namespace

absl::StatusOr<ImportPlan> ImportPlan::Make(std::vector<ImportItem> items,
                                            const std::string& salt) {
  ImportPlan plan;
  COORDHUB_ASSIGN_OR_RETURN(plan.by_local_id_, IndexByLocalId(items));
  COORDHUB_ASSIGN_OR_RETURN(const std::vector<size_t> order, OrderOf(items, plan.by_local_id_));
  for (const size_t index : order) plan.items_.push_back(std::move(items[index]));
  COORDHUB_ASSIGN_OR_RETURN(plan.by_local_id_, IndexByLocalId(plan.items_));
  plan.batch_begins_ = CutIntoBatches(plan.items_);
  plan.named_ = NamedIn(plan.items_, plan.batch_begins_, plan.by_local_id_);
  plan.request_ids_ = RequestIdsOf(plan.items_, plan.named_, plan.batch_begins_, salt);
  COORDHUB_RETURN_IF_ERROR(CheckWaiting(plan.items_, plan.by_local_id_));
  COORDHUB_RETURN_IF_ERROR(plan.MeasureDepths());
  return plan;
}

// Parents come before their children here.
absl::Status ImportPlan::MeasureDepths() {
  struct Place {
    int parents = 0;   // above it
    std::string root;  // the ticket outside that is the last of them; empty: there is none
  };
  std::vector<Place> places;
  const auto note = [this](const std::string& id, int line) {
    if (id.empty() || IsLocal(id)) return;
    int& first = outside_[id].line;
    first = first == 0 ? line : std::min(first, line);
  };
  for (const ImportItem& item : items_) {
    const std::string& parent = item.spec.parent_ticket_id();
    Place place = IsLocal(parent) ? places[by_local_id_.at(parent.substr(1))] : Place{0, parent};
    if (!parent.empty()) ++place.parents;
    if (place.parents > kMaxParents) {
      return BadLine(item.line, absl::StrCat("more than ", kMaxParents, " parents above it"));
    }
    note(parent, item.line);
    for (const pb::Dependency& dependency : item.spec.dependencies()) {
      note(dependency.ticket_id(), item.line);
    }
    if (!place.root.empty()) {
      int& levels = outside_[place.root].levels;
      levels = std::max(levels, place.parents);
    }
    places.push_back(std::move(place));
  }
  return absl::OkStatus();
}

pb::BatchCreateTicketsRequest ImportPlan::Request(
    int batch, const std::vector<std::string>& ticket_ids) const {
  const size_t begin = BatchBegin(batch);
  // A ticket of an earlier batch has its real id by now.
  const auto resolve = [&](std::string* id) {
    if (!IsLocal(*id)) return;
    const size_t index = by_local_id_.at(id->substr(1));
    if (index < begin) *id = ticket_ids[index];
  };
  pb::BatchCreateTicketsRequest request;
  request.set_request_id(request_ids_[static_cast<size_t>(batch)]);
  for (size_t i = begin; i < BatchBegin(batch + 1); ++i) {
    pb::NewTicket& ticket = *request.add_tickets();
    if (named_[i]) ticket.set_local_id(items_[i].local_id);
    *ticket.mutable_spec() = items_[i].spec;
    resolve(ticket.mutable_spec()->mutable_parent_ticket_id());
    for (pb::Dependency& dependency : *ticket.mutable_spec()->mutable_dependencies()) {
      resolve(dependency.mutable_ticket_id());
    }
  }
  return request;
}

}  // namespace coordhub::coordctl
