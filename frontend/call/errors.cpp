#include "frontend/call/errors.hpp"

#include "temporal/api/errordetails/v1/message.pb.h"

namespace reprise::frontend {

namespace details = temporal::api::errordetails::v1;
namespace enums = temporal::api::enums::v1;

error with_detail(errc code, std::string message, const google::protobuf::Message& detail) {
  return error{.code = code,
               .message = std::move(message),
               .detail_type = detail.GetTypeName(),
               .detail = detail.SerializeAsString()};
}

error invalid_argument(std::string message) {
  return make_error(errc::invalid_argument, std::move(message));
}

error not_found(std::string message) {
  return with_detail(errc::not_found, std::move(message), details::NotFoundFailure{});
}

error namespace_not_found(const std::string& name) {
  details::NamespaceNotFoundFailure detail;
  detail.set_namespace_(name);
  return with_detail(errc::not_found, "Namespace " + name + " is not found.", detail);
}

error overloaded(std::string message) {
  details::ResourceExhaustedFailure detail;
  detail.set_cause(enums::RESOURCE_EXHAUSTED_CAUSE_SYSTEM_OVERLOADED);
  detail.set_scope(enums::RESOURCE_EXHAUSTED_SCOPE_SYSTEM);
  return with_detail(errc::resource_exhausted, std::move(message), detail);
}

error not_implemented(const std::string& method) {
  // Go clients take this for an older server only when the text says "not implemented".
  return make_error(errc::unimplemented, "method " + method + " not implemented");
}

} // namespace reprise::frontend
