#pragma once

#include "base/error.hpp"
#include "base/result.hpp"

#include <google/protobuf/message.h>

#include <string>

// The refusals of the front door, with their exact texts and details: clients compare them.

namespace reprise::frontend {

/// An error with a detail message of temporal.api.errordetails.v1.
error with_detail(errc code, std::string message, const google::protobuf::Message& detail);
error invalid_argument(std::string message);
/// NOT_FOUND with NotFoundFailure.
error not_found(std::string message);
error namespace_not_found(const std::string& name);
/// RESOURCE_EXHAUSTED / SYSTEM_OVERLOADED: more work waits than this server takes.
error overloaded(std::string message);
/// What an RPC answers that this server does not offer.
error not_implemented(const std::string& method);

} // namespace reprise::frontend
