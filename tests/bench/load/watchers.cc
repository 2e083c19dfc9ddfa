#include "tests/bench/load/watchers.h"

#include <utility>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/wire_format_lite.h"
#include "grpcpp/support/slice.h"

namespace coordhub::bench {

int CountEvents(const grpc::ByteBuffer& message, int number) {
  using google::protobuf::internal::WireFormatLite;
  std::vector<grpc::Slice> slices;
  std::string flat;
  (void)message.Dump(&slices);
  for (const grpc::Slice& slice : slices) {
    flat.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  google::protobuf::io::CodedInputStream input(reinterpret_cast<const uint8_t*>(flat.data()),
                                               static_cast<int>(flat.size()));
  const uint32_t events =
      static_cast<uint32_t>(number) << 3 | WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
  int count = 0;
  while (const uint32_t tag = input.ReadTag()) {
    if (tag == events) ++count;
    if (!WireFormatLite::SkipField(&input, tag)) break;
  }
  return count;
}

class Watchers::Reactor final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  Reactor(Watchers* all, size_t index, grpc::GenericStub* stub) : all_(*all), index_(index) {
    const grpc::Slice slice(all_.options_.request);
    request_ = grpc::ByteBuffer(&slice, 1);
    stub->PrepareBidiStreamingCall(&context_, all_.options_.method, {}, this);
    // etcd ends a watch whose client has ended its side; the others do not mind.
    StartWrite(&request_);
    AddHold();
    StartRead(&response_);
    StartCall();
  }
  void Cancel() {
    context_.TryCancel();
    RemoveHold();
  }

  void OnReadInitialMetadataDone(bool ok) override {
    if (ok && !all_.options_.opens_with_message) Open();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    const int count = CountEvents(response_, all_.options_.events_field);
    ++all_.messages_;
    all_.events_ += count;
    for (int i = 0; i < count; ++i) all_.options_.on_event(index_, next_++);
    Open();
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& /*status*/) override {
    base::MutexLock lock(&all_.mu_);
    ++all_.ended_;
    all_.changed_.Signal();
  }

 private:
  void Open() {
    if (open_.exchange(true)) return;
    base::MutexLock lock(&all_.mu_);
    ++all_.open_;
    all_.changed_.Signal();
  }

  Watchers& all_;
  const size_t index_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  std::atomic<bool> open_{false};
  int64_t next_ = 0;
};

Watchers::Watchers(const std::vector<std::shared_ptr<grpc::Channel>>& channels, int count,
                   Options options)
    : options_(std::move(options)) {
  for (const auto& channel : channels)
    stubs_.push_back(std::make_unique<grpc::GenericStub>(channel));
  for (int i = 0; i < count; ++i) {
    const auto index = static_cast<size_t>(i);
    reactors_.push_back(
        std::make_unique<Reactor>(this, index, stubs_[index % stubs_.size()].get()));
  }
}

void Watchers::AwaitOpen() {
  base::MutexLock lock(&mu_);
  while (open_ < static_cast<int>(reactors_.size())) changed_.Wait(&mu_);
}

Watchers::~Watchers() {
  for (const auto& reactor : reactors_) reactor->Cancel();
  base::MutexLock lock(&mu_);
  while (ended_ < static_cast<int>(reactors_.size())) changed_.Wait(&mu_);
}

}  // namespace coordhub::bench
