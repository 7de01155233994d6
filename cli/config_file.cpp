#include "cli/config_file.hpp"

#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <string_view>
#include <utility>
#include <vector>
#include <yaml-cpp/yaml.h>

namespace reprise::cli {

namespace {

constexpr std::size_t file_bytes_max = std::size_t{1} << 20;
/// Options that are about the file itself, or about the command line.
constexpr std::array<std::string_view, 3> not_in_file{"config", "print-config", "help"};
/// A map in the file, "key=value" on the command line.
constexpr std::string_view settings_field = "dynamic-config-value";
constexpr std::string_view mysql_field = "mysql";

/// Where something stands in the file.
struct place {
  std::string path{};
  int line = 0;

  error refused(const std::string& why) const {
    return make_error(errc::invalid_argument, path + ":" + std::to_string(line) + ": " + why);
  }
};

place place_of(const std::string& path, const YAML::Mark& mark) {
  return {.path = path, .line = mark.line + 1};
}

bool is_field(const CLI::Option& o) {
  const auto& names = o.get_lnames();
  return !names.empty()
         && std::ranges::find(not_in_file, std::string_view{names.front()}) == not_in_file.end();
}

/// The one of that name; null when there is none.
CLI::Option* find(CLI::App& command, const std::string& name) {
  for (auto* o : command.get_options([](const CLI::Option* o) { return is_field(*o); }))
    if (o->get_lnames().front() == name)
      return o;
  return nullptr;
}

bool is_flag(const CLI::Option& o) {
  return o.get_expected_max() == 0 || o.get_items_expected_max() == 0;
}

bool is_list(const CLI::Option& o) {
  return o.get_items_expected_max() > 1;
}

/// What its values look like.
std::string form_of(const CLI::Option& o) {
  if (is_flag(o))
    return "true or false";
  auto type = o.get_type_name();
  // "INT:INT in [0 - 65535]"
  auto colon = type.rfind(':');
  return colon == std::string::npos ? type : type.substr(colon + 1);
}

result<std::string> read_file(const std::string& path) {
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0)
    return make_error(errc::invalid_argument,
                      "--config " + path + ": " + std::strerror(errno) + "; check its name");
  auto unreadable = make_error(errc::invalid_argument,
                               "--config " + path + " cannot be read as a file");
  if (!S_ISREG(about.st_mode))
    return unreadable;
  std::ifstream file{path, std::ios::binary};
  std::string out(file_bytes_max + 1, '\0');
  file.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<std::size_t>(file.gcount()));
  if (file.bad() || (out.empty() && about.st_size > 0))
    return unreadable;
  if (out.size() > file_bytes_max)
    return make_error(errc::invalid_argument,
                      "--config " + path + " is larger than 1 MiB: it is no configuration");
  return out;
}

/// A value as it would stand on the command line.
result<std::string> scalar(const YAML::Node& node, const place& at, const std::string& what) {
  if (node.IsNull() || (node.IsScalar() && node.Scalar().empty() && node.Tag() == "?"))
    return at.refused(what + " has no value; leave the line away for its default");
  if (!node.IsScalar())
    return at.refused(what + " wants one value, not a list or a map");
  return node.Scalar();
}

using texts = std::vector<std::string>;

result<texts> settings_of(const std::string& path, const std::string& name,
                          const YAML::Node& node) {
  if (!node.IsMap())
    return place_of(path, node.Mark()).refused(name + " wants a map of settings, `key: value`");
  texts out;
  std::set<std::string> seen;
  for (const auto& setting : node) {
    auto at = place_of(path, setting.first.Mark());
    auto key = scalar(setting.first, at, "a setting's name");
    if (!key)
      return key.error();
    if (!seen.insert(*key).second)
      return at.refused("the setting " + *key + " is there twice");
    auto value = scalar(setting.second, at, *key);
    if (!value)
      return value.error();
    out.push_back(*key + "=" + *value);
  }
  return out;
}

result<texts> values_of(const std::string& path, const std::string& name, const YAML::Node& node,
                        const CLI::Option& o) {
  if (name == settings_field)
    return settings_of(path, name, node);
  texts out;
  auto add = [&](const YAML::Node& one) -> result<void> {
    auto value = scalar(one, place_of(path, one.Mark()), name);
    if (!value)
      return value.error();
    out.push_back(std::move(*value));
    return {};
  };
  if (!is_list(o) || !node.IsSequence()) {
    if (auto ok = add(node); !ok)
      return ok.error();
    return out;
  }
  for (const auto& one : node)
    if (auto ok = add(one); !ok)
      return ok.error();
  return out;
}

result<void> set(CLI::Option& o, const std::string& name, const texts& values, const place& at) {
  if (values.empty())
    return {};
  try {
    for (const auto& value : values) {
      // CLI11 takes more words for that than a reader would.
      if (is_flag(o) && value != "true" && value != "false")
        throw CLI::ConversionError{value, name};
      o.add_result(value);
    }
    o.run_callback();
  } catch (const CLI::Error&) {
    return at.refused(name + ": \"" + values.back() + "\" does not fit; it is " + form_of(o) + " ("
                      + o.get_description() + ")");
  }
  return {};
}

result<void> apply(CLI::App& command, const std::string& path, const YAML::Node& root) {
  if (root.IsNull())
    return {};
  if (!root.IsMap())
    return place_of(path, root.Mark()).refused("a configuration is fields, `name: value`");
  std::set<std::string> seen;
  for (const auto& field : root) {
    auto at = place_of(path, field.first.Mark());
    auto name = scalar(field.first, at, "a field's name");
    if (!name)
      return name.error();
    auto* option = find(command, *name);
    if (option == nullptr)
      return at.refused("there is no field " + *name + "; --print-config shows all there are");
    if (!seen.insert(*name).second)
      return at.refused(*name + " is there twice");
    auto values = values_of(path, *name, field.second, *option);
    if (!values)
      return values.error();
    // Said by a flag, or in the environment.
    if (option->count() > 0)
      continue;
    if (auto ok = set(*option, *name, *values, at); !ok)
      return ok;
  }
  return {};
}

// -- printing ------------------------------------------------------------------------------------

/// As YAML reads it back, whatever is in it.
std::string yaml_text(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out{'"'};
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      out += hex[byte >> 4U];
      out += hex[byte & 0xFU];
      continue;
    }
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + '"';
}

/// An address without what stands between its user and its host.
std::string without_password(const std::string& address) {
  auto begin = address.find("://");
  auto host = address.rfind('@');
  // What is no address as we know them may have its password anywhere.
  if (begin == std::string::npos || host == std::string::npos)
    return "";
  begin += 3;
  auto user = address.substr(begin, host - begin);
  user = user.substr(0, user.find(':'));
  if (user.find_first_of("/?") != std::string::npos)
    return "";
  auto rest = address.substr(host);
  // Files are all that may be asked for behind it.
  for (auto at = rest.find('?'); at != std::string::npos; at = rest.find('&', at + 1))
    if (rest.compare(at + 1, 4, "ssl-") != 0)
      rest.resize(at);
  return address.substr(0, begin) + user + rest;
}

bool is_number(const CLI::Option& o) {
  auto type = o.get_type_name();
  return type.starts_with("INT") || type.starts_with("UINT") || type.starts_with("FLOAT");
}

std::string settings_text(const texts& all) {
  std::string out;
  for (const auto& setting : all) {
    auto at = setting.find('=');
    out += "\n  " + yaml_text(setting.substr(0, at)) + ": "
           + yaml_text(at == std::string::npos ? "" : setting.substr(at + 1));
  }
  return out.empty() ? " {}" : out;
}

std::string value_text(const CLI::Option& o, const std::string& name) {
  auto said = o.count() > 0 ? o.results() : texts{};
  if (is_flag(o))
    return said.empty() || said.back() == "false" ? " false" : " true";
  if (name == settings_field)
    return settings_text(said);
  if (is_list(o)) {
    std::string out;
    for (const auto& one : said)
      out += "\n  - " + yaml_text(one);
    return out.empty() ? " []" : out;
  }
  auto value = said.empty() ? o.get_default_str() : said.back();
  if (name == mysql_field)
    value = without_password(value);
  return " " + (is_number(o) ? value : yaml_text(value));
}

} // namespace

result<void> apply_config_file(CLI::App& command, const std::string& path) {
  auto text = read_file(path);
  if (!text)
    return text.error();
  try {
    auto documents = YAML::LoadAll(*text);
    if (documents.size() > 1)
      return make_error(errc::invalid_argument,
                        "--config " + path + ": there are several documents in it; one is read");
    return documents.empty() ? result<void>{} : apply(command, path, documents.front());
  } catch (const YAML::Exception& e) {
    return place_of(path, e.mark).refused("this is no YAML: " + e.msg);
  }
}

std::string config_text(const CLI::App& command) {
  std::string out;
  for (const auto* o : command.get_options([](const CLI::Option* o) { return is_field(*o); })) {
    const auto& name = o->get_lnames().front();
    out += (out.empty() ? "# " : "\n# ") + o->get_description() + "\n";
    out += name + ":" + value_text(*o, name) + "\n";
  }
  return out;
}

} // namespace reprise::cli
