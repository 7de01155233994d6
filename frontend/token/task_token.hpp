#pragma once

#include "frontend/call/call.hpp"
#include "frontend/token/tokens.hpp"

#include <optional>
#include <string>
#include <utility>

namespace reprise::frontend {

/// A worker's answer on its way to the run that its token names.
struct token_call {
  call::entry_ptr ns{};
  /// Namespace, ids and token are filled in; the body is the caller's to set.
  cluster::ExecutionRequest request{};
  bool is_foreign = false;
};

/// Checks the token before anything else, as the API does; `asked` is the kind of task that the
/// call is about. Nothing when the call has failed.
std::optional<token_call> open_token(const call::ptr& c, const std::string& token,
                                     const std::string& namespace_name,
                                     cluster::TaskToken::Kind asked);

} // namespace reprise::frontend
