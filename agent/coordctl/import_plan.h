// Import items in the order and the portions in which they are sent.

#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/coordctl/import_item.h"
#include "coordhub/v1/ticket_service.pb.h"

namespace coordhub::coordctl {

// A ticket that the hub is to have already, for the file refers to it.
struct OutsideReference {
  int line = 0;    // the first that does
  int levels = 0;  // generations of tickets of the file below it
};

// Pure. Items keep the order of the file, except that what others refer to comes before them, so
// that a batch refers only to itself and to batches before it. A batch's request id follows from
// its items and all before them. So an import that broke off can be repeated, also with what comes
// after the last batch that was made mended: what was made before is not made again.
class ImportPlan {
 public:
  // Above one ticket, as the hub allows.
  static constexpr int kMaxParents = 16;

  // `salt`: makes the request ids others than those of an earlier import of the same items.
  //
  // Errors: as BadLine, for a name that is used twice, a reference to nothing, a circle, parents
  // above one another that are too many.
  static absl::StatusOr<ImportPlan> Make(std::vector<ImportItem> items, const std::string& salt);

  size_t size() const { return items_.size(); }
  int batches() const { return static_cast<int>(batch_begins_.size()) - 1; }
  // The items, in the order of their sending.
  const std::vector<ImportItem>& items() const { return items_; }
  // Index of the batch's first item; for `batch` == batches(), size().
  size_t BatchBegin(int batch) const { return batch_begins_[static_cast<size_t>(batch)]; }

  // By ticket id.
  const std::map<std::string, OutsideReference>& outside() const { return outside_; }

  // Names this import, as long as its first batch stays as it is: so repetitions are one client of
  // the hub's, whose memory of requests nobody else's traffic shortens. Empty: there is no batch.
  std::string window() const {
    return request_ids_.empty() ? std::string() : request_ids_.front().substr(0, 32);
  }

  // The request for one batch; `ticket_ids`: what the items before it became, in order.
  pb::BatchCreateTicketsRequest Request(int batch,
                                        const std::vector<std::string>& ticket_ids) const;

 private:
  ImportPlan() = default;
  absl::Status MeasureDepths();

  std::vector<ImportItem> items_;
  std::map<std::string, size_t> by_local_id_;
  std::vector<size_t> batch_begins_;
  std::vector<bool> named_;               // whether another item of its batch refers to it
  std::vector<std::string> request_ids_;  // of the batches
  std::map<std::string, OutsideReference> outside_;
};

}  // namespace coordhub::coordctl
