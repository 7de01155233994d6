#include "frontend/handlers/handlers.hpp"
#include "frontend/query/search_attribute_names.hpp"
#include "frontend/validate/fields.hpp"
#include "temporal/api/operatorservice/v1/request_response.pb.h"
#include "temporal/api/workflowservice/v1/request_response.pb.h"

#include <map>

namespace reprise::frontend {

namespace api = temporal::api::workflowservice::v1;
namespace enums = temporal::api::enums::v1;
namespace op = temporal::api::operatorservice::v1;

namespace {

bool is_reserved(const std::string& name) {
  return system_attributes().contains(name) || predefined_attributes().contains(name)
         || name.starts_with("Temporal");
}

/// Custom attributes belong to a namespace; null when the call has failed.
call::entry_ptr owner(const call::ptr& c, const std::string& name) {
  if (!name.empty())
    return c->open_namespace(name);
  c->fail(invalid_argument("Namespace is not set on request."));
  return nullptr;
}

/// The namespace that a change is for, by a call that names some attributes; null when it has
/// failed. A namespace that is not there is told first, one that is not named last.
template <class Request>
call::entry_ptr open_change(const call::ptr& c, const Request& r) {
  auto nothing = r.search_attributes().empty();
  if (!nothing || !r.namespace_().empty())
    if (auto ns = owner(c, r.namespace_()); ns == nullptr || !nothing)
      return ns;
  c->fail(invalid_argument("SearchAttributes are not set on request."));
  return nullptr;
}

result<void> check_new(const std::string& name, enums::IndexedValueType type,
                       const front_limits& limits) {
  if (is_reserved(name))
    return invalid_argument("Search attribute " + name + " is reserved by system.");
  // What a store takes, however long other names may be.
  constexpr std::size_t bytes_max = 1000;
  if (name.size() > std::min(bytes_max, limits.id_length_max))
    return invalid_argument("Search attribute name length exceeds limit.");
  if (type == enums::INDEXED_VALUE_TYPE_UNSPECIFIED)
    return invalid_argument("Unable to create search attributes: cannot have more than 0 search "
                            "attribute of type Unspecified.");
  if (!enums::IndexedValueType_IsValid(type))
    return invalid_argument("Unknown search attribute type: " + std::to_string(type) + ".");
  return {};
}

/// A name that exists keeps its type. As in the API an empty one adds nothing.
template <class Map>
result<void> add_all(journal::NamespaceRecord& record, const Map& wanted, int most) {
  // Those that are there keep their fields.
  allot_fields(record);
  auto& known = *record.mutable_search_attributes();
  for (const auto& [name, type] : wanted)
    if (!name.empty())
      known.insert({name, static_cast<int>(type)});
  std::map<int, int> counts;
  for (const auto& [name, type] : known)
    if (++counts[type] > most)
      return invalid_argument("Unable to create search attributes: cannot have more than "
                              + std::to_string(most) + " search attribute of type "
                              + type_name(static_cast<enums::IndexedValueType>(type)) + ".");
  allot_fields(record);
  return {};
}

using change = std::function<result<void>(journal::NamespaceRecord&)>;

template <class Response>
void change_attributes(const call::ptr& c, const call::entry_ptr& ns, change edit) {
  if (!c->check_serving())
    return;
  c->blocking([name = ns->facts.name, edit = std::move(edit)](call& over, store::store&) {
    auto changed = over.back().namespaces().update(name, edit);
    if (changed)
      over.answer(Response{});
    else
      over.fail(std::move(changed).error());
  });
}

void add(const call::ptr& c, op::AddSearchAttributesRequest& r) {
  auto ns = open_change(c, r);
  if (!ns)
    return;
  for (const auto& [name, type] : r.search_attributes())
    if (auto ok = check_new(name, type, c->limits()); !ok)
      return c->fail(std::move(ok).error());
  change_attributes<op::AddSearchAttributesResponse>(
    c, ns,
    [wanted = r.search_attributes(), most = c->limits().attributes_of_type_max](
      journal::NamespaceRecord& record) { return add_all(record, wanted, most); });
}

void remove(const call::ptr& c, op::RemoveSearchAttributesRequest& r) {
  auto ns = open_change(c, r);
  if (!ns)
    return;
  for (const auto& name : r.search_attributes())
    if (system_attributes().contains(name) || predefined_attributes().contains(name))
      return c->fail(
        invalid_argument("Unable to remove non-custom search attributes: " + name + "."));
  change_attributes<op::RemoveSearchAttributesResponse>(
    c, ns, [gone = r.search_attributes()](journal::NamespaceRecord& record) -> result<void> {
      for (const auto& name : gone)
        remove_attribute(record, name);
      return {};
    });
}

template <class Map>
void put(Map& into, const attribute_types& types) {
  for (const auto& [name, type] : types)
    into[name] = type;
}

void list(const call::ptr& c, op::ListSearchAttributesRequest& r) {
  auto ns = owner(c, r.namespace_());
  if (!ns)
    return;
  op::ListSearchAttributesResponse out;
  for (const auto& [name, type] : ns->record.search_attributes())
    (*out.mutable_custom_attributes())[name] = static_cast<enums::IndexedValueType>(type);
  put(*out.mutable_system_attributes(), system_attributes());
  put(*out.mutable_system_attributes(), predefined_attributes());
  c->answer(out);
}

/// The old call, from the time when attributes belonged to the whole cluster.
void get(const call::ptr& c, api::GetSearchAttributesRequest&) {
  api::GetSearchAttributesResponse out;
  put(*out.mutable_keys(), system_attributes());
  put(*out.mutable_keys(), predefined_attributes());
  c->answer(out);
}

} // namespace

void add_search_attribute_handlers(handler_table& table) {
  table["AddSearchAttributes"] = parsed(add);
  table["RemoveSearchAttributes"] = parsed(remove);
  table["ListSearchAttributes"] = parsed(list);
  table["GetSearchAttributes"] = parsed(get);
}

} // namespace reprise::frontend
