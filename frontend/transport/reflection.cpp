#include "frontend/transport/reflection.hpp"

#include "protocol/grpc_reflection.pb.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <unordered_set>

namespace reprise::frontend {

namespace {

namespace wire = grpc::reflection::v1;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

void fail(wire::ServerReflectionResponse& response, errc code, const std::string& text) {
  auto& why = *response.mutable_error_response();
  why.set_error_code(static_cast<int>(code));
  why.set_error_message(text);
}

/// A file and all that it imports, each once.
void add_file(const FileDescriptor& file, std::unordered_set<const FileDescriptor*>& seen,
              wire::FileDescriptorResponse& to) {
  if (!seen.insert(&file).second)
    return;
  google::protobuf::FileDescriptorProto described;
  file.CopyTo(&described);
  to.add_file_descriptor_proto(described.SerializeAsString());
  for (int i = 0; i < file.dependency_count(); ++i)
    add_file(*file.dependency(i), seen, to);
}

void give_file(wire::ServerReflectionResponse& response, const FileDescriptor* file,
               const std::string& asked) {
  if (file == nullptr)
    return fail(response, errc::not_found, "not found: " + asked);
  std::unordered_set<const FileDescriptor*> seen;
  add_file(*file, seen, *response.mutable_file_descriptor_response());
}

const FieldDescriptor* find_extension(const DescriptorPool& pool,
                                      const wire::ExtensionRequest& asked) {
  const auto* type = pool.FindMessageTypeByName(asked.containing_type());
  return type == nullptr ? nullptr : pool.FindExtensionByNumber(type, asked.extension_number());
}

void give_extension_numbers(wire::ServerReflectionResponse& response, const DescriptorPool& pool,
                            const std::string& name) {
  const auto* type = pool.FindMessageTypeByName(name);
  if (type == nullptr)
    return fail(response, errc::not_found, "not found: " + name);
  auto& out = *response.mutable_all_extension_numbers_response();
  out.set_base_type_name(name);
  std::vector<const FieldDescriptor*> all;
  pool.FindAllExtensions(type, &all);
  for (const auto* extension : all)
    out.add_extension_number(extension->number());
}

} // namespace

void reflection::on_message(exchange& from, std::string_view message) {
  wire::ServerReflectionRequest asked;
  if (!asked.ParseFromArray(message.data(), static_cast<int>(message.size())))
    return from.finish(
      make_error(errc::invalid_argument, "the request is no ServerReflectionRequest"));
  const auto& pool = *DescriptorPool::generated_pool();
  wire::ServerReflectionResponse response;
  response.set_valid_host(asked.host());
  *response.mutable_original_request() = asked;
  switch (asked.message_request_case()) {
    case wire::ServerReflectionRequest::kFileByFilename:
      give_file(response, pool.FindFileByName(asked.file_by_filename()), asked.file_by_filename());
      break;
    case wire::ServerReflectionRequest::kFileContainingSymbol:
      give_file(response, pool.FindFileContainingSymbol(asked.file_containing_symbol()),
                asked.file_containing_symbol());
      break;
    case wire::ServerReflectionRequest::kFileContainingExtension: {
      const auto* found = find_extension(pool, asked.file_containing_extension());
      give_file(response, found == nullptr ? nullptr : found->file(),
                asked.file_containing_extension().containing_type());
      break;
    }
    case wire::ServerReflectionRequest::kAllExtensionNumbersOfType:
      give_extension_numbers(response, pool, asked.all_extension_numbers_of_type());
      break;
    case wire::ServerReflectionRequest::kListServices:
      for (const auto& name : services_)
        response.mutable_list_services_response()->add_service()->set_name(name);
      break;
    case wire::ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      fail(response, errc::invalid_argument, "the request asks for nothing");
      break;
  }
  from.send(response.SerializeAsString());
}

} // namespace reprise::frontend
