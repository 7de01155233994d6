#include "frontend/call/parse_request.hpp"

#include "frontend/call/errors.hpp"
#include "protocol/parse_stored.hpp"

#include <google/protobuf/descriptor.h>

#include <vector>

namespace reprise::frontend {

namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::io::CodedInputStream;

/// A message that is being walked through.
struct level {
  const Descriptor* type;
  int end;
};

/// Steps over a field's value; false when the bytes are broken. A message in it becomes a level.
bool walk_field(CodedInputStream& in, std::uint32_t tag, std::vector<level>& levels) {
  constexpr std::uint32_t wire_type_bits = 3;
  std::uint64_t number = 0;
  switch (tag & ((1U << wire_type_bits) - 1)) {
    case 0:
      return in.ReadVarint64(&number);
    case 1:
      return in.Skip(8);
    case 5:
      return in.Skip(4);
    case 2:
      break;
    default:
      return false;
  }
  std::uint32_t size = 0;
  if (!in.ReadVarint32(&size))
    return false;
  const auto* field
    = levels.back().type->FindFieldByNumber(static_cast<int>(tag >> wire_type_bits));
  if (field == nullptr || field->type() != FieldDescriptor::TYPE_MESSAGE)
    return in.Skip(static_cast<int>(size));
  auto left = levels.back().end - in.CurrentPosition();
  if (left < 0 || size > static_cast<std::uint32_t>(left))
    return false;
  levels.push_back({field->message_type(), in.CurrentPosition() + static_cast<int>(size)});
  return true;
}

/// Whether messages lie deeper in each other than they may. Without recursion: the depth is what
/// the caller made it.
bool is_too_deep(const Descriptor* type, std::string_view bytes) {
  CodedInputStream in{reinterpret_cast<const std::uint8_t*>(bytes.data()),
                      static_cast<int>(bytes.size())};
  std::vector<level> levels{{type, static_cast<int>(bytes.size())}};
  while (!levels.empty()) {
    if (in.CurrentPosition() >= levels.back().end) {
      levels.pop_back();
      continue;
    }
    auto tag = in.ReadTag();
    if (tag == 0 || !walk_field(in, tag, levels))
      return false;
    if (levels.size() > static_cast<std::size_t>(protocol::nesting_max))
      return true;
  }
  return false;
}

} // namespace

result<void> parse_request(google::protobuf::Message& into, std::string_view bytes) {
  // The usual depth first: that way is faster.
  if (into.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return {};
  if (is_too_deep(into.GetDescriptor(), bytes))
    return invalid_argument("Messages in the request are nested more than "
                            + std::to_string(protocol::nesting_max) + " deep.");
  if (protocol::parse_nested(into, bytes, protocol::nesting_max))
    return {};
  return make_error(errc::internal, "grpc: error unmarshalling request: proto: cannot parse "
                                    "invalid wire-format data or invalid UTF-8");
}

} // namespace reprise::frontend
