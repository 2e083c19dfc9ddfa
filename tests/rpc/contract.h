// The contract as its descriptors have it: what is new in it is in every test that goes through
// them.

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "coordhub/v1/access.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace coordhub::rpc {

// Of all services, in order.
std::vector<const google::protobuf::MethodDescriptor*> AllMethods();
// Those that this version has; AccessMatrixTest.EveryMethodIsEntered asks the hub whether it is so.
bool IsImplemented(const google::protobuf::MethodDescriptor& method);
std::vector<const google::protobuf::MethodDescriptor*> ImplementedMethods();

// Who may call it.
v1::Access AccessOf(const google::protobuf::MethodDescriptor& method);

const google::protobuf::MethodDescriptor& MethodNamed(const std::string& name);
std::unique_ptr<google::protobuf::Message> NewRequest(
    const google::protobuf::MethodDescriptor& method);
std::unique_ptr<google::protobuf::Message> NewResponse(
    const google::protobuf::MethodDescriptor& method);

}  // namespace coordhub::rpc
