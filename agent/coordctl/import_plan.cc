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

// The local ids that an item refers to.
std::vector<std::string> References(const pb::TicketSpec& spec) {
  std::vector<std::string> names;
  const auto add = [&names](const std::string& id) {
    if (id.size() > 1 && id[0] == '@') names.push_back(id.substr(1));
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

// The order in which everything comes after what it refers to, else as the file has it.
absl::StatusOr<std::vector<size_t>> OrderOf(const std::vector<ImportItem>& items,
                                            const std::map<std::string, size_t>& by_local_id) {
  std::vector<std::vector<size_t>> followers(items.size());
  std::vector<size_t> missing(items.size(), 0);
  for (size_t i = 0; i < items.size(); ++i) {
    for (const std::string& name : References(items[i].spec)) {
      const auto it = by_local_id.find(name);
      if (it == by_local_id.end()) {
        return BadLine(items[i].line,
                       absl::StrCat("no ticket here has the local_id \"", name, "\""));
      }
      followers[it->second].push_back(i);
      ++missing[i];
    }
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
  const size_t stuck = static_cast<size_t>(
      std::find_if(missing.begin(), missing.end(), [](size_t m) { return m > 0; }) -
      missing.begin());
  return BadLine(items[stuck].line, "this ticket waits, directly or through others, for itself");
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

std::string DigestOf(const std::vector<ImportItem>& items, const std::string& salt) {
  base::Sha256Hasher hasher;
  const auto update = [&hasher](const std::string& piece) {
    hasher.Update(absl::StrCat(piece.size(), ":"));  // so that pieces cannot run into one another
    hasher.Update(piece);
  };
  update(salt);
  for (const ImportItem& item : items) {
    update(item.local_id);
    update(item.spec.SerializeAsString());  // has no map: always the same bytes
  }
  return base::HexEncode(hasher.Finish());
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
  plan.request_id_stem_ = absl::StrCat("import-", DigestOf(plan.items_, salt).substr(0, 40));
  return plan;
}

pb::BatchCreateTicketsRequest ImportPlan::Request(
    int batch, const std::vector<std::string>& ticket_ids) const {
  const size_t begin = BatchBegin(batch);
  // A ticket of an earlier batch has its real id by now.
  const auto resolve = [&](std::string* id) {
    if (id->size() < 2 || (*id)[0] != '@') return;
    const size_t index = by_local_id_.at(id->substr(1));
    if (index < begin) *id = ticket_ids[index];
  };
  pb::BatchCreateTicketsRequest request;
  request.set_request_id(absl::StrCat(request_id_stem_, "-", batch));
  for (size_t i = begin; i < BatchBegin(batch + 1); ++i) {
    pb::NewTicket& ticket = *request.add_tickets();
    ticket.set_local_id(items_[i].local_id);
    *ticket.mutable_spec() = items_[i].spec;
    resolve(ticket.mutable_spec()->mutable_parent_ticket_id());
    for (pb::Dependency& dependency : *ticket.mutable_spec()->mutable_dependencies()) {
      resolve(dependency.mutable_ticket_id());
    }
  }
  return request;
}

}  // namespace coordhub::coordctl
