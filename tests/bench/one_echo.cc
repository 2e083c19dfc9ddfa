// bench_one_echo TARGET: one call and the end, as anybody would write it; what a process that makes
// one call costs at the least with gRPC.
#include <cstdio>

#include "bench.grpc.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_one_echo TARGET\n");
    return 2;
  }
  const auto channel = grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials());
  const auto stub = coordhub::bench::Reference::NewStub(channel);
  grpc::ClientContext context;
  coordhub::bench::Payload request;
  coordhub::bench::Payload response;
  request.set_body("a ticket");
  request.set_answer_bytes(100);
  const grpc::Status status = stub->Echo(&context, request, &response);
  if (!status.ok()) {
    std::fprintf(stderr, "Echo: %s\n", status.error_message().c_str());
    return 1;
  }
  std::printf("%zu bytes\n", response.body().size());
  return 0;
}
