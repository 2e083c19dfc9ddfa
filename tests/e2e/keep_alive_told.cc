// What an agent is told on its KeepAlive stream: one message, and what comes unasked after it, one
// JSON object a line until the stream ends.
//
//   keep_alive_told ENDPOINT TOKEN

#include <cstdio>
#include <string>

#include "coordhub/v1/agent_service.grpc.pb.h"
#include "google/protobuf/util/json_util.h"
#include "grpcpp/grpcpp.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  namespace pb = coordhub::v1;
  pb::AgentService::Stub stub(grpc::CreateChannel(argv[1], grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.AddMetadata("coordhub-session", argv[2]);
  const auto stream = stub.KeepAlive(&context);
  pb::KeepAliveRequest request;
  request.set_sequence(1);
  stream->Write(request);
  pb::KeepAliveResponse response;
  while (stream->Read(&response)) {
    std::string json;
    if (!google::protobuf::util::MessageToJsonString(response, &json).ok()) return 1;
    std::printf("%s\n", json.c_str());
    std::fflush(stdout);
  }
  const grpc::Status status = stream->Finish();
  std::fprintf(stderr, "%s\n", status.error_message().c_str());
  return status.ok() ? 0 : 1;
}
