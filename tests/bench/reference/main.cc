// bench_reference: a gRPC server with no hub behind it. Serves on the address that it is given
// until its standard input ends; DurableEcho writes to the file beside it.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "absl/synchronization/mutex.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/reference/durable_log.h"
#include "tests/bench/reference/reference_service.h"

int main(int argc, char** argv) {
  // As the hub does.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench_reference ADDRESS FILE\n");
    return 2;
  }
  coordhub::bench::DurableLog log(argv[2]);
  if (!log.ok()) {
    std::perror(argv[2]);
    return 1;
  }
  coordhub::bench::ReferenceService service(&log);
  grpc::ServerBuilder builder;
  int port = 0;
  // As the hub has it: tests/bench/README.md.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(argv[1], grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  std::printf("%d\n", port);
  std::fflush(stdout);
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
  return 0;
}
