// How every error of ours is made and read.
//
// An error is an absl::Status whose code follows from its reason (error.proto), with the typed
// details of google/rpc/error_details.proto as payloads: always one `ErrorInfo`, at times a
// `BadRequest` or a `RetryInfo`. The message is for people; whatever varies in it is metadata too.
// A status of ours, with its details, always fits into gRPC's default 8 KiB of trailers: longer
// texts are cut, and bytes that are not UTF-8 are replaced.
//
// All functions are pure and thread-safe.

#pragma once

#include <cstddef>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/base/error_table.h"
#include "coordhub/v1/error.pb.h"
#include "google/rpc/error_details.pb.h"

namespace coordhub::base {

// The `domain` of our ErrorInfo.
inline constexpr char kErrorDomain[] = "coordhub";

// What is kept of a text, in bytes; see the file comment.
inline constexpr size_t kMaxErrorMessageBytes = 512;
inline constexpr size_t kMaxErrorMetadataValueBytes = 256;
inline constexpr size_t kMaxErrorMetadataBytes = 1536;  // of all keys and values together

using ErrorMetadata = std::initializer_list<std::pair<std::string_view, std::string>>;

// The error for `reason`.
//
//   return MakeError(pb::ERROR_REASON_TICKET_NOT_FOUND, "no ticket T-17", {{"ticket_id", "T-17"}});
absl::Status MakeError(pb::ErrorReason reason, std::string_view message,
                       ErrorMetadata metadata = {});

// INVALID_ARGUMENT/INVALID_FIELD about one field of a request, named by its path in the request
// ("title", "tickets[3].labels"). `description` says what would be right ("must not be empty").
// Adds a BadRequest. `metadata` is beside `field`, which is always there.
absl::Status MakeFieldError(std::string_view field, std::string_view description,
                            ErrorMetadata metadata = {});

// The error for a system call on `path` that failed with errno value `error`: DISK_FULL when space
// or quota ran out, else IO_FAILED. Metadata: `operation`, `path`.
absl::Status MakeIoError(std::string_view operation, std::string_view path, int error);

// `status` with the advice not to retry before `delay` has passed. OK stays OK.
absl::Status WithRetryDelay(absl::Status status, absl::Duration delay);

// Our ErrorInfo in `status`; nullopt if there is none (an error that we did not make).
std::optional<google::rpc::ErrorInfo> ErrorInfoOf(const absl::Status& status);

// The reason; ERROR_REASON_UNSPECIFIED for OK, for others' errors and for reasons from a newer hub.
pb::ErrorReason ReasonOf(const absl::Status& status);

// The metadata value under `key`; empty if there is none.
std::string MetadataOf(const absl::Status& status, std::string_view key);

// The advised delay, if there is one.
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);

// The serialized google.rpc.Status for `status`, which is how gRPC carries details. Empty for OK.
// The same status always gives the same bytes.
std::string EncodeStatusDetails(const absl::Status& status);

// The reverse, on the receiving side. `code` and `message` are the call's own and prevail; details
// that cannot be parsed are dropped. A code outside the sixteen is kUnknown.
absl::Status DecodeStatus(int code, std::string_view message, std::string_view details);

}  // namespace coordhub::base
