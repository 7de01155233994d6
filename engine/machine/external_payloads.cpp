#include "engine/machine/external_payloads.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <vector>

namespace reprise::engine {

namespace {

namespace common = temporal::api::common::v1;
using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using temporal::api::history::v1::HistoryEvent;
using temporal::api::history::v1::MarkerRecordedEventAttributes;

/// For each type of message that an event may hold: its fields in which payloads can lie. Without
/// maps, which are looked at by type: reflection would keep a copy of them.
class payload_paths {
public:
  payload_paths() {
    reaches(HistoryEvent::descriptor());
    // A type that holds itself was judged before all that it holds was known: a failure's cause.
    while (grew_) {
      grew_ = false;
      seen_.clear();
      reaches(HistoryEvent::descriptor());
    }
  }

  const std::vector<const FieldDescriptor*>* of(const Descriptor* type) const {
    auto i = fields_.find(type);
    return i == fields_.end() ? nullptr : &i->second;
  }

private:
  static bool ends_here(const Descriptor* type) {
    return type == common::Payload::descriptor() || type == common::Memo::descriptor()
           || type == common::Header::descriptor();
  }

  bool reaches(const Descriptor* type) {
    if (ends_here(type))
      return true;
    if (type == common::SearchAttributes::descriptor())
      return false;
    if (seen_[type])
      return fields_.contains(type);
    seen_[type] = true;
    for (int i = 0; i < type->field_count(); ++i) {
      const auto* field = type->field(i);
      if (field->message_type() == nullptr || field->is_map() || !reaches(field->message_type()))
        continue;
      auto& known = fields_[type];
      if (std::find(known.begin(), known.end(), field) != known.end())
        continue;
      known.push_back(field);
      grew_ = true;
    }
    return fields_.contains(type) || type == MarkerRecordedEventAttributes::descriptor();
  }

  std::unordered_map<const Descriptor*, std::vector<const FieldDescriptor*>> fields_;
  std::unordered_map<const Descriptor*, bool> seen_;
  bool grew_ = false;
};

class counter {
public:
  explicit counter(const payload_paths& paths) : paths_(paths) {
  }

  void visit(const Message& m) {
    const auto* type = m.GetDescriptor();
    if (type == common::Payload::descriptor())
      return add(static_cast<const common::Payload&>(m));
    if (type == common::Memo::descriptor())
      return add_all(static_cast<const common::Memo&>(m).fields());
    if (type == common::Header::descriptor())
      return add_all(static_cast<const common::Header&>(m).fields());
    if (type == MarkerRecordedEventAttributes::descriptor())
      for (const auto& [name, details] :
           static_cast<const MarkerRecordedEventAttributes&>(m).details())
        visit(details);
    if (const auto* fields = paths_.of(type))
      visit_fields(m, *fields);
  }

  external_payloads found;

private:
  void add(const common::Payload& payload) {
    found.count += payload.external_payloads_size();
    for (const auto& outside : payload.external_payloads())
      found.bytes = add_sizes(found.bytes, outside.size_bytes());
  }

  template <class Map>
  void add_all(const Map& fields) {
    for (const auto& [name, payload] : fields)
      add(payload);
  }

  void visit_fields(const Message& m, const std::vector<const FieldDescriptor*>& fields) {
    const auto* reflection = m.GetReflection();
    for (const auto* field : fields) {
      if (!field->is_repeated()) {
        if (reflection->HasField(m, field))
          visit(reflection->GetMessage(m, field));
        continue;
      }
      for (int i = 0; i < reflection->FieldSize(m, field); ++i)
        visit(reflection->GetRepeatedMessage(m, field, i));
    }
  }

  const payload_paths& paths_;
};

} // namespace

std::int64_t add_sizes(std::int64_t sum, std::int64_t size) {
  std::int64_t out = 0;
  if (__builtin_add_overflow(sum, std::max<std::int64_t>(size, 0), &out))
    return std::numeric_limits<std::int64_t>::max();
  return out;
}

external_payloads external_payloads_of(const HistoryEvent& event) {
  static const payload_paths paths;
  // Of an event's many attributes one is there.
  static const auto* attributes = HistoryEvent::descriptor()->FindOneofByName("attributes");
  const auto* field = event.GetReflection()->GetOneofFieldDescriptor(event, attributes);
  counter count{paths};
  if (event.has_user_metadata())
    count.visit(event.user_metadata());
  if (field != nullptr)
    count.visit(event.GetReflection()->GetMessage(event, field));
  return count.found;
}

} // namespace reprise::engine
