#include "agent/base/error.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "absl/strings/cord.h"
#include "agent/base/string_view.h"
#include "agent/base/text.h"
#include "google/rpc/status.pb.h"

namespace coordhub::base {
namespace {

// Also the order in which they are sent.
constexpr absl::string_view kErrorInfoUrl = "type.googleapis.com/google.rpc.ErrorInfo";
constexpr absl::string_view kBadRequestUrl = "type.googleapis.com/google.rpc.BadRequest";
constexpr absl::string_view kRetryInfoUrl = "type.googleapis.com/google.rpc.RetryInfo";

std::string Cut(std::string_view text, size_t max_bytes) {
  return TruncateUtf8(ToValidUtf8(text), max_bytes);
}

// Maps serialize in no fixed order unless told to.
std::string SerializeDeterministically(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

void Attach(absl::Status* status, absl::string_view url, const google::protobuf::Message& detail) {
  status->SetPayload(url, absl::Cord(SerializeDeterministically(detail)));
}

template <class Message>
std::optional<Message> PayloadOf(const absl::Status& status, absl::string_view url) {
  const absl::optional<absl::Cord> payload = status.GetPayload(url);
  Message message;
  if (!payload.has_value() || !message.ParseFromString(std::string(*payload))) return std::nullopt;
  return message;
}

google::rpc::ErrorInfo MakeErrorInfo(pb::ErrorReason reason, ErrorMetadata metadata) {
  google::rpc::ErrorInfo info;
  const std::string_view name = ReasonName(reason);
  info.set_reason(name.data(), name.size());
  info.set_domain(kErrorDomain);
  size_t left = kMaxErrorMetadataBytes;
  for (const auto& [key, value] : metadata) {
    if (key.size() >= left) break;
    left -= key.size();
    std::string kept = Cut(value, std::min(left, kMaxErrorMetadataValueBytes));
    left -= kept.size();
    (*info.mutable_metadata())[std::string(key)] = std::move(kept);
  }
  return info;
}

}  // namespace

absl::Status MakeError(pb::ErrorReason reason, std::string_view message, ErrorMetadata metadata) {
  if (reason == pb::ERROR_REASON_UNSPECIFIED) reason = pb::ERROR_REASON_INTERNAL;
  absl::Status status(CodeOf(reason), Cut(message, kMaxErrorMessageBytes));
  Attach(&status, kErrorInfoUrl, MakeErrorInfo(reason, metadata));
  return status;
}

absl::Status MakeFieldError(std::string_view field, std::string_view description,
                            ErrorMetadata metadata) {
  const std::string name = Cut(field, kMaxErrorMetadataValueBytes);
  absl::Status status =
      MakeError(pb::ERROR_REASON_INVALID_FIELD, name + ": " + std::string(description), metadata);

  google::rpc::ErrorInfo info = MakeErrorInfo(pb::ERROR_REASON_INVALID_FIELD, metadata);
  (*info.mutable_metadata())["field"] = name;
  Attach(&status, kErrorInfoUrl, info);

  google::rpc::BadRequest bad_request;
  auto* violation = bad_request.add_field_violations();
  violation->set_field(name);
  violation->set_description(Cut(description, kMaxErrorMessageBytes));
  Attach(&status, kBadRequestUrl, bad_request);
  return status;
}

absl::Status MakeIoError(std::string_view operation, std::string_view path, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  std::string message(operation);
  message.append(" ").append(path).append(": ").append(std::generic_category().message(error));
  return MakeError(full ? pb::ERROR_REASON_DISK_FULL : pb::ERROR_REASON_IO_FAILED, message,
                   {{"operation", std::string(operation)}, {"path", std::string(path)}});
}

absl::Status WithRetryDelay(absl::Status status, absl::Duration delay) {
  if (status.ok()) return status;
  google::rpc::RetryInfo info;
  *info.mutable_retry_delay() = google::protobuf::util::TimeUtil::MillisecondsToDuration(
      absl::ToInt64Milliseconds(std::clamp(delay, absl::ZeroDuration(), absl::Hours(24))));
  Attach(&status, kRetryInfoUrl, info);
  return status;
}

std::optional<google::rpc::ErrorInfo> ErrorInfoOf(const absl::Status& status) {
  auto info = PayloadOf<google::rpc::ErrorInfo>(status, kErrorInfoUrl);
  if (!info.has_value() || info->domain() != kErrorDomain) return std::nullopt;
  return info;
}

pb::ErrorReason ReasonOf(const absl::Status& status) {
  const auto info = ErrorInfoOf(status);
  return info.has_value() ? ReasonFromName(info->reason()) : pb::ERROR_REASON_UNSPECIFIED;
}

std::string MetadataOf(const absl::Status& status, std::string_view key) {
  const auto info = ErrorInfoOf(status);
  if (!info.has_value()) return "";
  const auto it = info->metadata().find(std::string(key));
  return it == info->metadata().end() ? "" : it->second;
}

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  const auto info = PayloadOf<google::rpc::RetryInfo>(status, kRetryInfoUrl);
  if (!info.has_value() || !info->has_retry_delay()) return std::nullopt;
  return absl::Seconds(info->retry_delay().seconds()) +
         absl::Nanoseconds(info->retry_delay().nanos());
}

std::string EncodeStatusDetails(const absl::Status& status) {
  if (status.ok()) return "";
  google::rpc::Status encoded;
  encoded.set_code(static_cast<int>(status.code()));
  encoded.set_message(Cut(ToStd(status.message()), kMaxErrorMessageBytes));
  for (const absl::string_view url : {kErrorInfoUrl, kBadRequestUrl, kRetryInfoUrl}) {
    const absl::optional<absl::Cord> payload = status.GetPayload(url);
    if (!payload.has_value()) continue;
    auto* any = encoded.add_details();
    any->set_type_url(std::string(url));
    any->set_value(std::string(*payload));
  }
  return SerializeDeterministically(encoded);
}

absl::Status DecodeStatus(int code, std::string_view message, std::string_view details) {
  const bool known = code >= 0 && code <= static_cast<int>(absl::StatusCode::kUnauthenticated);
  absl::Status status(known ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown,
                      ToAbsl(message));
  if (status.ok()) return status;
  google::rpc::Status decoded;
  if (!decoded.ParseFromArray(details.data(), static_cast<int>(details.size()))) return status;
  for (const auto& any : decoded.details())
    status.SetPayload(any.type_url(), absl::Cord(any.value()));
  return status;
}

}  // namespace coordhub::base
