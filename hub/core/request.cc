#include "hub/core/request.h"

#include "agent/base/sha256.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace coordhub::core {

std::string Fingerprint(std::string_view method, const google::protobuf::Message& message) {
  std::string bytes(method);
  bytes.push_back('\0');  // ends the name: no method's name and content are another's
  {
    google::protobuf::io::StringOutputStream stream(&bytes);  // appends
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  const base::Sha256Digest digest = base::Sha256(bytes);
  return std::string(digest.begin(), digest.end());
}

}  // namespace coordhub::core
