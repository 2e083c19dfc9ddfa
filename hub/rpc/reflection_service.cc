#include "hub/rpc/reflection_service.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/base/error.h"
#include "google/protobuf/descriptor.pb.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"
#include "hub/rpc/answered_at_once.h"
#include "hub/rpc/grpc_status.h"
#include "hub/rpc/message_codec.h"

namespace coordhub::rpc {
namespace {

namespace reflection = grpc::reflection::v1alpha;
using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::ServiceDescriptor;
using Request = reflection::ServerReflectionRequest;
using Response = reflection::ServerReflectionResponse;

const DescriptorPool& Pool() { return *DescriptorPool::generated_pool(); }

void SayNotFound(const std::string& what, Response* response) {
  response->mutable_error_response()->set_error_code(grpc::StatusCode::NOT_FOUND);
  response->mutable_error_response()->set_error_message("there is no " + what);
}

// The file and what it imports, each once.
void AddFile(const FileDescriptor& file, std::set<const FileDescriptor*>* seen,
             reflection::FileDescriptorResponse* files) {
  if (!seen->insert(&file).second) return;
  google::protobuf::FileDescriptorProto proto;
  file.CopyTo(&proto);
  proto.SerializeToString(files->add_file_descriptor_proto());
  for (int i = 0; i < file.dependency_count(); ++i) AddFile(*file.dependency(i), seen, files);
}

void AnswerFile(const FileDescriptor* file, const std::string& what, Response* response) {
  if (file == nullptr) return SayNotFound(what, response);
  std::set<const FileDescriptor*> seen;
  AddFile(*file, &seen, response->mutable_file_descriptor_response());
}

void AnswerExtension(const reflection::ExtensionRequest& request, Response* response) {
  const Descriptor* type = Pool().FindMessageTypeByName(request.containing_type());
  const FieldDescriptor* extension =
      type == nullptr ? nullptr : Pool().FindExtensionByNumber(type, request.extension_number());
  AnswerFile(
      extension == nullptr ? nullptr : extension->file(),
      absl::StrCat("extension ", request.extension_number(), " of ", request.containing_type()),
      response);
}

void AnswerExtensionNumbers(const std::string& type_name, Response* response) {
  const Descriptor* type = Pool().FindMessageTypeByName(type_name);
  if (type == nullptr) return SayNotFound("message " + type_name, response);
  response->mutable_all_extension_numbers_response()->set_base_type_name(type_name);
  std::vector<const FieldDescriptor*> extensions;
  Pool().FindAllExtensions(type, &extensions);
  for (const FieldDescriptor* extension : extensions) {
    response->mutable_all_extension_numbers_response()->add_extension_number(extension->number());
  }
}

Response AnswerTo(const Request& request, const std::vector<std::string>& services) {
  Response response;
  response.set_valid_host(request.host());
  *response.mutable_original_request() = request;
  switch (request.message_request_case()) {
    case Request::kListServices:
      for (const std::string& service : services) {
        response.mutable_list_services_response()->add_service()->set_name(service);
      }
      break;
    case Request::kFileByFilename:
      AnswerFile(Pool().FindFileByName(request.file_by_filename()),
                 "file " + request.file_by_filename(), &response);
      break;
    case Request::kFileContainingSymbol:
      AnswerFile(Pool().FindFileContainingSymbol(request.file_containing_symbol()),
                 "symbol " + request.file_containing_symbol(), &response);
      break;
    case Request::kFileContainingExtension:
      AnswerExtension(request.file_containing_extension(), &response);
      break;
    case Request::kAllExtensionNumbersOfType:
      AnswerExtensionNumbers(request.all_extension_numbers_of_type(), &response);
      break;
    case Request::MESSAGE_REQUEST_NOT_SET:
      response.mutable_error_response()->set_error_code(grpc::StatusCode::INVALID_ARGUMENT);
      response.mutable_error_response()->set_error_message("the request asks for nothing");
  }
  return response;
}

absl::Status TooMany() {
  return base::MakeError(
      base::pb::ERROR_REASON_LIMIT_REACHED,
      absl::StrCat("a connection may have ", kReflectionStreamsPerConnection,
                   " streams of reflection open, all together ", kReflectionStreams),
      {{"limit_name", "reflection_streams"}, {"limit", absl::StrCat(kReflectionStreams)}});
}

}  // namespace

// A read, an answer being made, or a write: one of them is always under way, and says when the call
// is over. Lifetime: holds itself until OnDone.
class ReflectionService::Stream final : public CallReactor {
 public:
  static void Start(ReflectionService* service, std::unique_ptr<StreamServerCall> call,
                    ConnectionKey connection) {
    auto* const stream = new Stream(service, std::move(call), connection);
    stream->call_->set_reactor(stream);
    stream->call_->SayAccepted();
    stream->call_->Read(&stream->message_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return call_->Finish(grpc::Status::OK);
    Request request;
    const absl::Status parsed = ParseRequest(message_, &request);
    if (!parsed.ok()) return call_->Finish(ToGrpcStatus(parsed));
    host_->PostRead([this, request = std::move(request)](const absl::Status& go) {
      if (!go.ok()) return call_->Finish(ToGrpcStatus(go));
      message_ = Encode(AnswerTo(request, service_.services_));
      call_->Write(message_);
    });
  }

  void OnWriteDone(bool ok) override {
    message_.Clear();
    if (!ok) return call_->Finish(grpc::Status::CANCELLED);
    call_->Read(&message_);
  }

  void OnCancel() override {}

  void OnDone() override {
    service_.streams_.GiveBack(connection_, 1);
    delete this;
  }

 private:
  Stream(ReflectionService* service, std::unique_ptr<StreamServerCall> call,
         ConnectionKey connection)
      : service_(*service),
        host_(service->host_),
        connection_(connection),
        call_(std::move(call)) {}

  ReflectionService& service_;
  const std::shared_ptr<ServiceHost> host_;
  const ConnectionKey connection_;
  const std::unique_ptr<StreamServerCall> call_;
  grpc::ByteBuffer message_;  // gRPC's, but while an answer is made
};

ReflectionService::ReflectionService(const ServiceDescriptor* version,
                                     std::shared_ptr<ServiceHost> host, const Gate* gate,
                                     std::vector<std::string> services)
    : QueuedService(version),
      host_(std::move(host)),
      gate_(*gate),
      services_(std::move(services)),
      streams_(kReflectionStreamsPerConnection, kReflectionStreams) {}

const ServiceDescriptor* ReflectionService::V1() {
  return grpc::reflection::v1::ServerReflectionRequest::descriptor()->file()->service(0);
}

const ServiceDescriptor* ReflectionService::V1Alpha() {
  return Request::descriptor()->file()->service(0);
}

// It has no such method.
void ReflectionService::OnUnary(int /*method*/, std::unique_ptr<UnaryServerCall> call) {
  AnsweredAtOnce<UnaryServerCall>::Take(std::move(call)).Refuse(grpc::Status::CANCELLED);
}

void ReflectionService::OnStream(int /*method*/, std::unique_ptr<StreamServerCall> call) {
  absl::Status status = gate_.Authenticate(call->context().client_metadata()).status();
  const ConnectionKey connection = ConnectionOf(&call->context());
  if (status.ok() && !streams_.TryTake(connection, 1)) status = TooMany();
  if (status.ok()) return Stream::Start(this, std::move(call), connection);
  AnsweredAtOnce<StreamServerCall>::Take(std::move(call)).Finish(ToGrpcStatus(status));
}

}  // namespace coordhub::rpc
