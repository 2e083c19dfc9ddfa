#include "tests/rpc/raw_call.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/slice.h"

namespace coordhub::rpc {

RawAnswer CallRaw(const Client& client, const google::protobuf::MethodDescriptor& method,
                  const std::string& request) {
  return CallRaw(client, absl::StrCat("/", method.service()->full_name(), "/", method.name()),
                 request);
}

RawAnswer CallRaw(const Client& client, const std::string& path, const std::string& request) {
  grpc::GenericStub stub(client.channel());
  grpc::CompletionQueue queue;
  bool ok = false;
  const auto wait = [&] {
    void* tag = nullptr;
    queue.Next(&tag, &ok);
  };
  const auto context = client.Context();
  const auto stream = stub.PrepareCall(context.get(), path, &queue);
  stream->StartCall(nullptr);
  wait();
  const grpc::Slice slice(request);
  stream->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
  wait();
  grpc::ByteBuffer response;
  stream->Read(&response, nullptr);
  wait();
  const bool answered = ok;
  if (answered) context->TryCancel();
  RawAnswer answer;
  stream->Finish(&answer.status, nullptr);
  wait();
  if (!answered) return answer;
  answer.status = grpc::Status::OK;
  std::vector<grpc::Slice> slices;
  (void)response.Dump(&slices);
  for (const grpc::Slice& part : slices) {
    answer.response.append(reinterpret_cast<const char*>(part.begin()), part.size());
  }
  return answer;
}

std::string Spoil(std::string bytes) {
  const std::string mark(kBadTextMark);
  const auto at = std::search(bytes.begin(), bytes.end(), mark.begin(), mark.end());
  if (at != bytes.end()) std::fill_n(at, mark.size(), '\xff');
  return bytes;
}

}  // namespace coordhub::rpc
