// The walk over the fields of a request, by reflection.
#include "tests/fields/probe.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>

namespace reprise::fields {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Reflection;

namespace {

using path = std::vector<const FieldDescriptor*>;

/// What a life showed.
struct outcome {
  bool refused = false;
  std::string seen{};
};

bool is_leaf_type(const Descriptor& type) {
  static const std::set<std::string> leaves{
    "google.protobuf.Duration",        "google.protobuf.Timestamp",
    "google.protobuf.FieldMask",       "google.protobuf.Any",
    "google.protobuf.Struct",          "temporal.api.common.v1.Payload",
    "temporal.api.common.v1.Payloads", "temporal.api.common.v1.Memo",
    "temporal.api.common.v1.Header",   "temporal.api.common.v1.SearchAttributes",
    "temporal.api.failure.v1.Failure",
  };
  return leaves.contains(type.full_name());
}

/// A map whose values are messages that are walked; all else of maps is a leaf.
bool is_walked_map(const FieldDescriptor& f) {
  if (!f.is_map())
    return false;
  const auto* value = f.message_type()->map_value();
  return value->message_type() != nullptr && !is_leaf_type(*value->message_type());
}

bool is_walked(const FieldDescriptor& f) {
  if (f.is_map())
    return is_walked_map(f);
  return f.message_type() != nullptr && !is_leaf_type(*f.message_type());
}

/// The message at this place; made when it is not there. Of lists and maps: the first element.
Message& reach(Message& root, const path& to) {
  auto* at = &root;
  for (const auto* f : to) {
    const auto* r = at->GetReflection();
    if (!f->is_repeated()) {
      at = r->MutableMessage(at, f);
      continue;
    }
    if (r->FieldSize(*at, f) == 0)
      r->AddMessage(at, f);
    at = r->MutableRepeatedMessage(at, f, 0);
    if (!f->is_map())
      continue;
    const auto* key = f->message_type()->map_key();
    const auto* entry = at->GetReflection();
    if (key->cpp_type() == FieldDescriptor::CPPTYPE_STRING && entry->GetString(*at, key).empty())
      entry->SetString(at, key, "some-key");
    at = entry->MutableMessage(at, f->message_type()->map_value());
  }
  return *at;
}

bool is_there(const Message& m, const FieldDescriptor& f) {
  const auto* r = m.GetReflection();
  return f.is_repeated() ? r->FieldSize(m, &f) > 0 : r->HasField(m, &f);
}

/// Fills what the API asks of a message that is there at all.
void fill(Message& m) {
  if (auto* retry = dynamic_cast<api::common::v1::RetryPolicy*>(&m)) {
    retry->mutable_initial_interval()->set_seconds(5);
    retry->set_maximum_attempts(3);
  } else if (auto* callback = dynamic_cast<api::common::v1::Callback*>(&m)) {
    callback->mutable_nexus()->set_url("temporal://system");
  } else if (auto* link = dynamic_cast<api::common::v1::Link*>(&m)) {
    auto& event = *link->mutable_workflow_event();
    event.set_namespace_("default");
    event.set_workflow_id("other");
    event.set_run_id("11111111-2222-4333-8444-555555555555");
  }
}

// -- values --------------------------------------------------------------------------------------

void set_leaf_message(Message& m) {
  if (auto* d = dynamic_cast<google::protobuf::Duration*>(&m))
    d->set_seconds(d->seconds() == 7 ? 70 : 7);
  else if (auto* t = dynamic_cast<google::protobuf::Timestamp*>(&m))
    t->set_seconds(t->seconds() + 1'728'007'000);
  else if (auto* mask = dynamic_cast<google::protobuf::FieldMask*>(&m))
    mask->add_paths("priority");
  else if (auto* p = dynamic_cast<api::common::v1::Payload*>(&m))
    *p = payload("\"other\"");
  else if (auto* all = dynamic_cast<api::common::v1::Payloads*>(&m))
    *all = payloads("\"other\"");
  else if (auto* memo = dynamic_cast<api::common::v1::Memo*>(&m))
    (*memo->mutable_fields())["note"] = payload("\"other\"");
  else if (auto* header = dynamic_cast<api::common::v1::Header*>(&m))
    (*header->mutable_fields())["trace"] = payload("\"other\"");
  else if (auto* a = dynamic_cast<api::common::v1::SearchAttributes*>(&m))
    (*a->mutable_indexed_fields())["Tag"] = payload("\"other\"");
  else if (auto* f = dynamic_cast<api::failure::v1::Failure*>(&m))
    *f = application_failure("another failure");
}

void set_number(Message& m, const FieldDescriptor& f) {
  const auto* r = m.GetReflection();
  switch (f.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return r->SetBool(&m, &f, !r->GetBool(m, &f));
    case FieldDescriptor::CPPTYPE_INT32:
      return r->SetInt32(&m, &f, r->GetInt32(m, &f) + 2);
    case FieldDescriptor::CPPTYPE_INT64:
      return r->SetInt64(&m, &f, r->GetInt64(m, &f) + 2);
    case FieldDescriptor::CPPTYPE_UINT32:
      return r->SetUInt32(&m, &f, r->GetUInt32(m, &f) + 2);
    case FieldDescriptor::CPPTYPE_UINT64:
      return r->SetUInt64(&m, &f, r->GetUInt64(m, &f) + 2);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return r->SetDouble(&m, &f, r->GetDouble(m, &f) + 1.5);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return r->SetFloat(&m, &f, r->GetFloat(m, &f) + 1.5F);
    default:
      return;
  }
}

void add_to_list(Message& m, const FieldDescriptor& f, int value) {
  const auto* r = m.GetReflection();
  switch (f.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return r->AddString(&m, &f, "some-text");
    case FieldDescriptor::CPPTYPE_ENUM:
      return r->AddEnumValue(&m, &f, value);
    case FieldDescriptor::CPPTYPE_INT32:
      return r->AddInt32(&m, &f, 2);
    case FieldDescriptor::CPPTYPE_INT64:
      return r->AddInt64(&m, &f, 2);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return set_leaf_message(*r->AddMessage(&m, &f));
    default:
      return;
  }
}

/// An entry more. Values of maps are texts or messages here.
void add_to_map(Message& m, const FieldDescriptor& f) {
  auto* entry = m.GetReflection()->AddMessage(&m, &f);
  const auto* r = entry->GetReflection();
  const auto* key = f.message_type()->map_key();
  const auto* value = f.message_type()->map_value();
  if (key->cpp_type() == FieldDescriptor::CPPTYPE_STRING)
    r->SetString(entry, key, "some-key");
  if (value->cpp_type() == FieldDescriptor::CPPTYPE_STRING)
    r->SetString(entry, value, "some-value");
  else if (value->cpp_type() == FieldDescriptor::CPPTYPE_ENUM)
    r->SetEnumValue(entry, value, enums::INDEXED_VALUE_TYPE_KEYWORD);
  else if (value->message_type() != nullptr)
    set_leaf_message(*r->MutableMessage(entry, value));
  else
    set_number(*entry, *value);
}

/// What may be done to one field so that it is not the default, nor what it was.
std::vector<std::function<void(Message&)>> values_of(const FieldDescriptor& field) {
  const auto* f = &field;
  std::vector<std::function<void(Message&)>> out;
  if (f->is_map()) {
    out.emplace_back([f](Message& m) { add_to_map(m, *f); });
  } else if (f->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    for (int i = 0; i < f->enum_type()->value_count(); ++i)
      out.emplace_back([f, value = f->enum_type()->value(i)->number()](Message& m) {
        if (f->is_repeated())
          add_to_list(m, *f, value);
        else
          m.GetReflection()->SetEnumValue(&m, f, value);
      });
  } else if (f->is_repeated()) {
    out.emplace_back([f](Message& m) { add_to_list(m, *f, 0); });
  } else if (f->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    for (const char* text : {"some-text", "11111111-2222-4333-8444-555555555555", "queue"})
      out.emplace_back([f, text](Message& m) { m.GetReflection()->SetString(&m, f, text); });
  } else if (f->message_type() != nullptr) {
    out.emplace_back(
      [f](Message& m) { set_leaf_message(*m.GetReflection()->MutableMessage(&m, f)); });
  } else {
    out.emplace_back([f](Message& m) { set_number(m, *f); });
  }
  return out;
}

// -- the walk ------------------------------------------------------------------------------------

class walk {
public:
  /// By path, "Request.field.field": whether it shows in some scenario.
  using findings = std::map<std::string, bool>;

  walk(const scenario& what, findings& found) : what_(what), found_(found) {
  }

  void go() {
    probe plain{{}};
    what_.live(plain);
    root_.reset(plain.plain().New());
    root_->CopyFrom(plain.plain());
    outcome first{plain.refused(), plain.seen()};
    CHECK_MESSAGE(live({}).seen == first.seen, what_.name << " is not the same twice");
    auto name = root_->GetDescriptor()->name();
    if (first.refused) {
      for (const auto& prefix : what_.only)
        found_[name + "." + prefix] = true;
      CHECK_MESSAGE(!what_.only.empty(), what_.name << " is refused: " << first.seen);
      return;
    }
    visit({}, {}, first, name);
  }

private:
  using edits = std::vector<change>;

  outcome live(const edits& all) {
    probe p{[&all](Message& m) {
      for (const auto& e : all)
        e(m);
    }};
    what_.live(p);
    return {p.refused(), p.seen()};
  }

  bool wanted(const std::string& name) const {
    if (what_.only.empty())
      return true;
    auto begin = name.find('.') + 1;
    auto rest = std::string_view{name}.substr(begin);
    return std::any_of(what_.only.begin(), what_.only.end(), [rest](const std::string& prefix) {
      return rest.starts_with(prefix) || prefix.starts_with(std::string{rest} + ".");
    });
  }

  void note(const std::string& name, bool shows) {
    auto& known = found_[name];
    known = known || shows;
  }

  bool shows(const outcome& is, const outcome& before) const {
    return is.refused != before.refused || is.seen != before.seen;
  }

  /// True when something below shows.
  bool visit(const path& to, const edits& before, const outcome& base, const std::string& name) {
    std::unique_ptr<Message> m{root_->New()};
    m->CopyFrom(*root_);
    for (const auto& e : before)
      e(*m);
    auto& here = reach(*m, to);
    auto any = false;
    for (int i = 0; i < here.GetDescriptor()->field_count(); ++i) {
      const auto* f = here.GetDescriptor()->field(i);
      auto below = name + "." + f->name();
      if (!wanted(below))
        continue;
      auto again = std::any_of(to.begin(), to.end(), [f](const FieldDescriptor* step) {
        return step->message_type() == f->message_type();
      });
      auto shown = is_walked(*f) && !again ? enter(to, *f, before, base, here, below)
                                           : try_values(to, *f, before, base, below);
      any = any || shown;
    }
    return any;
  }

  bool try_values(const path& to, const FieldDescriptor& f, const edits& before,
                  const outcome& base, const std::string& name) {
    if (found_.contains(name) && found_[name])
      return true;
    for (const auto& value : values_of(f)) {
      auto all = before;
      all.emplace_back([&to, value](Message& m) { value(reach(m, to)); });
      if (!shows(live(all), base))
        continue;
      note(name, true);
      return true;
    }
    note(name, false);
    return false;
  }

  bool enter(const path& to, const FieldDescriptor& f, const edits& before, const outcome& base,
             const Message& here, const std::string& name) {
    auto inner = to;
    inner.push_back(&f);
    if (is_there(here, f))
      return visit(inner, before, base, name);
    auto all = before;
    all.emplace_back([inner](Message& m) { fill(reach(m, inner)); });
    auto with = live(all);
    if (with.refused && !base.refused) {
      note(name, true);
      return true;
    }
    auto any = visit(inner, all, with, name) || shows(with, base);
    if (f.message_type()->field_count() == 0)
      note(name, any);
    return any;
  }

  const scenario& what_;
  findings& found_;
  std::unique_ptr<Message> root_;
};

// -- the list ------------------------------------------------------------------------------------

/// Path to reason.
std::map<std::string, std::string> read_list() {
  std::map<std::string, std::string> out;
  std::ifstream in{REPRISE_UNSEEN_FIELDS};
  REQUIRE(in.good());
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.front() == '#')
      continue;
    auto end = line.find(' ');
    auto why = end == std::string::npos ? "" : line.substr(line.find_first_not_of(' ', end));
    CHECK_MESSAGE(!why.empty(), line << " has no reason");
    CHECK_MESSAGE(out.emplace(line.substr(0, end), why).second, line << " stands twice");
  }
  return out;
}

/// The line that speaks of this field: its own, or one of what it is a part of.
bool is_listed(const std::map<std::string, std::string>& list, const std::string& name) {
  if (list.contains(name))
    return true;
  for (auto end = name.rfind('.'); end != std::string::npos; end = name.rfind('.', end - 1)) {
    if (list.contains(name.substr(0, end) + ".*"))
      return true;
    if (end == 0)
      break;
  }
  return false;
}

bool speaks_of(const std::string& line, const std::string& name) {
  if (line.ends_with(".*"))
    return name.starts_with(line.substr(0, line.size() - 1));
  return line == name;
}

} // namespace

void check_fields(const std::vector<std::string>& methods, const std::vector<scenario>& scenarios) {
  walk::findings found;
  for (const auto& s : scenarios) {
    INFO(s.name);
    walk{s, found}.go();
  }
  for (const auto& method : methods) {
    auto prefix = method + "Request.";
    auto any = std::any_of(found.begin(), found.end(),
                           [&prefix](const auto& x) { return x.first.starts_with(prefix); });
    CHECK_MESSAGE(any, "no scenario of " << method);
  }
  auto list = read_list();
  for (const auto& [name, shows] : found) {
    if (!shows)
      CHECK_MESSAGE(is_listed(list, name), name << " shows nowhere, and is not refused");
    else
      CHECK_MESSAGE(!is_listed(list, name), name << " shows, and stands in the list");
  }
  for (const auto& [line, why] : list) {
    auto ours = std::any_of(methods.begin(), methods.end(), [&line](const std::string& method) {
      return line.starts_with(method + "Request.");
    });
    auto known = std::any_of(found.begin(), found.end(),
                             [&line](const auto& x) { return speaks_of(line, x.first); });
    if (ours)
      CHECK_MESSAGE(known, line << " stands in the list, and is no field");
  }
}

} // namespace reprise::fields
