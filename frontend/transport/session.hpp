#pragma once

#include "frontend/transport/grpc_wire.hpp"
#include "frontend/transport/limits.hpp"

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <string>

// The calls into nghttp2 that need its own structures, and its calls back into a connection.

namespace reprise::frontend {

class connection;
class stream;

/// A server's session that tells `owner` what happens, with the server's settings on their way to
/// the client.
nghttp2_session* new_session(connection& owner, const transport_limits& limits);

/// A frame that ends a call for what its client did, as it goes onto the wire. For a call that the
/// session does not know of.
std::string reset_frame(std::int32_t number, std::uint32_t code);

/// Begins a response that sends what `s` has and will have, up to its trailers.
void submit_response(nghttp2_session* session, stream& s);

/// A response that is nothing but its trailers.
void submit_refusal(nghttp2_session* session, std::int32_t number, const failure_trailers& why);

/// What a caller gets that does not speak gRPC.
void submit_http_refusal(nghttp2_session* session, stream& s);

} // namespace reprise::frontend
