#include "store/sql/attribute_codec.hpp"

#include "store/columns.hpp"

#include <bit>
#include <cstring>

namespace reprise::store::sql {

namespace {

static_assert(std::endian::native == std::endian::little, "the codec copies numbers as they lie");

template <class Number>
void put(std::string& out, Number n) {
  char bytes[sizeof n];
  std::memcpy(bytes, &n, sizeof n);
  out.append(bytes, sizeof n);
}

void put_text(std::string& out, const std::string& text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

/// Takes values off the front of the blob; turns false once it ran short.
class reader {
public:
  explicit reader(std::string_view blob) : rest_(blob) {
  }

  bool ok() const {
    return ok_;
  }

  bool at_end() const {
    return rest_.empty();
  }

  template <class Number>
  Number number() {
    Number n{};
    if (rest_.size() < sizeof n) {
      ok_ = false;
      rest_ = {};
      return n;
    }
    std::memcpy(&n, rest_.data(), sizeof n);
    rest_.remove_prefix(sizeof n);
    return n;
  }

  std::string text() {
    auto size = number<std::uint32_t>();
    if (rest_.size() < size) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    std::string taken{rest_.substr(0, size)};
    rest_.remove_prefix(size);
    return taken;
  }

private:
  std::string_view rest_;
  bool ok_ = true;
};

} // namespace

std::string encode_attributes(const std::vector<named_value>& attributes) {
  std::string out;
  for (auto& [name, value] : attributes) {
    put_text(out, name);
    put(out, static_cast<std::uint8_t>(value.type));
    if (value.type == value_type::real)
      put(out, value.real);
    else
      put(out, value.integer);
    put(out, static_cast<std::uint32_t>(value.texts.size()));
    for (auto& text : value.texts)
      put_text(out, text);
  }
  return out;
}

std::optional<std::vector<named_value>> decode_attributes(std::string_view blob) {
  std::vector<named_value> attributes;
  reader in{blob};
  while (in.ok() && !in.at_end()) {
    auto& [name, value] = attributes.emplace_back();
    name = in.text();
    auto type = in.number<std::uint8_t>();
    if (type > static_cast<std::uint8_t>(value_type::keyword_list))
      return std::nullopt;
    value.type = static_cast<value_type>(type);
    if (value.type == value_type::real)
      value.real = in.number<double>();
    else
      value.integer = in.number<std::int64_t>();
    auto count = in.number<std::uint32_t>();
    for (std::uint32_t i = 0; in.ok() && i < count; ++i)
      value.texts.push_back(in.text());
  }
  if (!in.ok())
    return std::nullopt;
  return attributes;
}

std::vector<attribute_element> elements_of(const std::vector<named_value>& attributes) {
  std::vector<attribute_element> all;
  for (auto& [name, value] : attributes) {
    attribute_element base{.name = name, .type = value.type};
    if (value.type == value_type::real)
      base.real = value.real;
    else if (value.type == value_type::integer || value.type == value_type::boolean
             || value.type == value_type::datetime)
      base.integer = value.integer;
    auto texts = value.texts;
    if (value.type == value_type::text && !texts.empty())
      texts = words_of(texts.front());
    else if (value.type == value_type::keyword && texts.size() > 1)
      texts.resize(1);
    if (texts.empty())
      all.push_back(base);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      auto& one = all.emplace_back(base);
      one.place = static_cast<int>(i);
      one.text = std::move(texts[i]);
    }
  }
  return all;
}

} // namespace reprise::store::sql
