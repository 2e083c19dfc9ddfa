#include "hub/rpc/mutation_stream.h"

#include <utility>
#include <vector>

#include "agent/base/error.h"
#include "agent/base/mutant.h"
#include "agent/base/status_macros.h"
#include "google/protobuf/wire_format_lite.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/slice.h"
#include "hub/engine/endings.h"
#include "hub/rpc/call_deadline.h"
#include "hub/rpc/call_log.h"
#include "hub/rpc/grpc_status.h"
#include "hub/rpc/message_codec.h"

namespace coordhub::rpc {
namespace {

using google::protobuf::io::CodedOutputStream;

constexpr char kMethod[] = "MutateTickets";
// What takes longer to parse and check than other calls should wait.
constexpr size_t kLargeMessageBytes = 64 << 10;

// As an element of MutateTicketsResponse.results.
std::string EncodeElement(const v1::TicketMutationResult& result) {
  using google::protobuf::internal::WireFormatLite;
  constexpr uint32_t kTag = WireFormatLite::MakeTag(v1::MutateTicketsResponse::kResultsFieldNumber,
                                                    WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
  const size_t size = result.ByteSizeLong();
  std::string bytes(1 + CodedOutputStream::VarintSize32(static_cast<uint32_t>(size)) + size, '\0');
  auto* at = reinterpret_cast<uint8_t*>(bytes.data());
  at = CodedOutputStream::WriteVarint32ToArray(kTag, at);
  at = CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(size), at);
  result.SerializeWithCachedSizesToArray(at);
  return bytes;
}

// The refusal as the unary call would answer it.
v1::TicketMutationResult Refused(const absl::Status& status) {
  const grpc::Status answer = ToGrpcStatus(status);
  v1::TicketMutationResult result;
  google::rpc::Status* error = result.mutable_error();
  if (!error->ParseFromString(answer.error_details())) {
    error->set_message(answer.error_message());
  }
  error->set_code(answer.error_code());
  return result;
}

absl::Status CheckCount(const v1::MutateTicketsRequest& request) {
  if (request.mutations().empty()) return base::MakeFieldError("mutations", "must not be empty");
  if (request.mutations_size() > MutationStream::kMaxMutations) {
    return base::MakeFieldError("mutations", "has more than 500 elements", {{"limit", "500"}});
  }
  return absl::OkStatus();
}

}  // namespace

MutationStream::MutationStream(std::shared_ptr<ServiceHost> host, const Gate* gate,
                               const MutationKinds* kinds, std::unique_ptr<StreamServerCall> call,
                               Principal principal)
    : host_(std::move(host)),
      gate_(*gate),
      kinds_(*kinds),
      call_(std::move(call)),
      principal_(std::move(principal)),
      deadline_(DeadlineOf(call_->context(), host_->clock())) {}

void MutationStream::Start(std::shared_ptr<ServiceHost> host, const Gate* gate,
                           const MutationKinds* kinds, std::unique_ptr<StreamServerCall> call,
                           const Principal& principal) {
  std::shared_ptr<MutationStream> stream(
      new MutationStream(std::move(host), gate, kinds, std::move(call), principal));
  stream->self_ = stream;
  stream->call_->set_reactor(stream.get());
  stream->call_->SayAccepted();
  stream->host_->open_calls().Enter();
  const absl::Status added = stream->host_->streams().Add(stream);
  if (!added.ok()) {
    base::MutexLock lock(&stream->mu_);
    stream->end_ = added;
  }
  stream->Pump();
}

void MutationStream::OnDone() {
  host_->streams().Remove(this);
  host_->open_calls().Leave();
  self_.reset();  // may delete this
}

void MutationStream::OnReadDone(bool ok) {
  {
    base::MutexLock lock(&mu_);
    reading_ = false;
    if (!ok) client_closed_ = true;
    handling_ = ok && !finished_;
    ok = handling_;
  }
  if (!ok) return Pump();
  if (request_.Length() <= kLargeMessageBytes) return Handle();
  host_->PostRead([stream = shared_from_this()](const absl::Status& go) {
    if (go.ok()) return stream->Handle();
    {
      base::MutexLock lock(&stream->mu_);
      stream->handling_ = false;
      if (stream->end_.ok()) stream->end_ = go;
    }
    stream->Pump();
  });
}

void MutationStream::Handle() {
  const absl::Status handled = HandleRequest(request_);
  request_.Clear();
  {
    base::MutexLock lock(&mu_);
    handling_ = false;
    if (!handled.ok() && end_.ok()) end_ = handled;
  }
  Pump();
}

absl::Status MutationStream::HandleRequest(const grpc::ByteBuffer& bytes) {
  const base::MonoTime began = host_->clock().Mono();
  v1::MutateTicketsRequest request;
  absl::Status status = ParseRequest(bytes, &request);
  if (status.ok()) status = CheckCount(request);
  if (!status.ok()) {
    Log(status, began);
    return status;
  }
  const size_t each = bytes.Length() / static_cast<size_t>(request.mutations_size());
  for (v1::TicketMutation& mutation : *request.mutable_mutations()) {
    RunMutation(&mutation, OpenSlot(each), began);
  }
  return absl::OkStatus();
}

void MutationStream::RunMutation(v1::TicketMutation* mutation, int64_t number,
                                 base::MonoTime began) {
  MutationDone done = [stream = shared_from_this(), number,
                       began](absl::StatusOr<v1::TicketMutationResult> result) {
    stream->Log(result.status(), began);
    stream->FillSlot(number, result.ok() ? *result : Refused(result.status()));
  };
  const MutationKinds::Run* run = kinds_.Find(mutation->request_case());
  if (run == nullptr) return done(base::MakeFieldError("request", "must be set"));
  if (mutation->claim_next_ticket().has_wait()) {
    return done(base::MakeFieldError("wait", "must not be set in a stream of mutations"));
  }
  (*run)({*host_, gate_, principal_, deadline_}, mutation, std::move(done));
}

int64_t MutationStream::OpenSlot(size_t request_bytes) {
  base::MutexLock lock(&mu_);
  slots_.push_back({.result = {}, .request_bytes = request_bytes});
  bytes_ += request_bytes;
  return first_ + static_cast<int64_t>(slots_.size()) - 1;
}

void MutationStream::FillSlot(int64_t number, const v1::TicketMutationResult& result) {
  std::string encoded = EncodeElement(result);
  {
    base::MutexLock lock(&mu_);
    Slot& slot = slots_[static_cast<size_t>(number - first_)];
    bytes_ += encoded.size();
    bytes_ -= slot.request_bytes;
    slot.result = std::move(encoded);
    // Only the first one's result can be written, and only when nothing else is out.
    if (number != first_ || writing_ || handling_) return;
  }
  Pump();
}

void MutationStream::Log(const absl::Status& status, base::MonoTime began) const {
  CallRecord record;
  record.method = kMethod;
  record.caller = &principal_;
  record.took = host_->clock().Mono() - began;
  record.may_wait = true;  // for those before it
  LogCall(record, status);
}

void MutationStream::OnWriteDone(bool ok) {
  {
    base::MutexLock lock(&mu_);
    writing_ = false;
    message_.Clear();
    if (!ok) gone_ = true;
  }
  Pump();
}

void MutationStream::OnCancel() {
  {
    base::MutexLock lock(&mu_);
    gone_ = true;
  }
  Pump();
}

void MutationStream::OnDrain(const engine::Workspace* /*workspace*/) {
  {
    // Whichever workspace it is: a stream is about any number of them.
    base::MutexLock lock(&mu_);
    if (end_.ok()) end_ = engine::Draining();
  }
  Pump();
}

void MutationStream::Pump() {
  bool started = false;
  while (true) {
    Step step;
    {
      base::MutexLock lock(&mu_);
      if (started) --starting_;
      step = Next();
    }
    started = true;
    switch (step.action) {
      case Action::kNothing:
        return;
      case Action::kRead:
        call_->Read(&request_);
        break;
      case Action::kWrite:
        call_->Write(message_);
        break;
      case Action::kFinish:
        call_->Finish(ToGrpcStatus(step.status));
        return;
    }
  }
}

MutationStream::Step MutationStream::Next() {
  // What is handled may still start results, and ends in a Pump.
  if (finished_ || handling_) return {};
  if (gone_) return writing_ ? Step{} : FinishWith(engine::CallerGone());
  if (!writing_ && TakeResults()) {
    writing_ = true;
    return Start(Action::kWrite);
  }
  const bool reads_on = end_.ok() && !client_closed_;
  if (reads_on && !reading_ && slots_.size() < kMaxUnanswered && bytes_ < kMaxUnansweredBytes) {
    reading_ = true;
    return Start(Action::kRead);
  }
  if (reads_on || writing_ || !slots_.empty()) return {};
  return FinishWith(end_);
}

MutationStream::Step MutationStream::Start(Action action) {
  ++starting_;
  return {.action = action, .status = absl::OkStatus()};
}

MutationStream::Step MutationStream::FinishWith(absl::Status status) {
  if (starting_ > 0) return {};  // who starts it looks again
  finished_ = true;
  return {.action = Action::kFinish, .status = std::move(status)};
}

bool MutationStream::TakeResults() {
  if (slots_.empty() || slots_.front().result.empty()) return false;
  if (base::MutantActive("results_out_of_order") && slots_.size() > 1 &&
      !slots_[1].result.empty()) {
    std::swap(slots_[0].result, slots_[1].result);
  }
  std::string joined = std::move(slots_.front().result);
  bytes_ -= joined.size();
  slots_.pop_front();
  ++first_;
  while (!slots_.empty() && !slots_.front().result.empty() && joined.size() < kMessageBytes) {
    bytes_ -= slots_.front().result.size();
    joined += slots_.front().result;
    slots_.pop_front();
    ++first_;
  }
  const grpc::Slice slice(joined);
  message_ = grpc::ByteBuffer(&slice, 1);
  return true;
}

}  // namespace coordhub::rpc
