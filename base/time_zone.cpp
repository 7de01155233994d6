// Reads compiled time zones (RFC 8536). Of a file's two blocks the second one, with 64-bit times,
// counts; behind its last transition the rule at the end of the file holds.

#include "base/time_zone.hpp"

#include "base/built_in_zones.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>

namespace reprise {

namespace {

/// Big-endian numbers out of a string, with every read checked.
class reader {
public:
  explicit reader(std::string_view bytes) : bytes_(bytes) {
  }

  bool skip(std::size_t n) {
    if (n > bytes_.size() - at_)
      return ok_ = false;
    at_ += n;
    return true;
  }

  std::int64_t number(std::size_t width) {
    if (width > bytes_.size() - at_) {
      ok_ = false;
      return 0;
    }
    std::uint64_t out = static_cast<signed char>(bytes_[at_]) < 0 ? ~0ULL : 0;
    for (std::size_t i = 0; i < width; ++i)
      out = (out << 8) | static_cast<unsigned char>(bytes_[at_++]);
    return static_cast<std::int64_t>(out);
  }

  std::size_t count() {
    auto n = number(4);
    if (n < 0 || static_cast<std::size_t>(n) > bytes_.size())
      ok_ = false;
    return ok_ ? static_cast<std::size_t>(n) : 0;
  }

  /// The rule behind the last block: a line of its own.
  std::string_view footer() const {
    auto rest = bytes_.substr(at_);
    if (!rest.starts_with('\n'))
      return {};
    rest.remove_prefix(1);
    return rest.substr(0, rest.find('\n'));
  }

  bool ok() const {
    return ok_;
  }

private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

struct header {
  std::size_t isut = 0;
  std::size_t isstd = 0;
  std::size_t leap = 0;
  std::size_t time = 0;
  std::size_t type = 0;
  std::size_t chars = 0;
};

header read_header(reader& in) {
  header h;
  in.skip(20);
  h.isut = in.count();
  h.isstd = in.count();
  h.leap = in.count();
  h.time = in.count();
  h.type = in.count();
  h.chars = in.count();
  return h;
}

bool harmless(std::string_view name) {
  if (name.empty() || name.size() > 100 || name.front() == '/'
      || name.find("..") != std::string_view::npos)
    return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'
           || c == '-' || c == '+' || c == '/';
  });
}

/// The file of a zone on this machine, which knows of newer rules than the program does.
std::string read_file(const std::string& name) {
  const char* folder = std::getenv("TZDIR");
  std::ifstream in{std::string{folder != nullptr ? folder : "/usr/share/zoneinfo"} + "/" + name,
                   std::ios::binary};
  constexpr std::size_t bytes_max = 1U << 20;
  std::string bytes;
  for (std::istreambuf_iterator<char> i{in}, end; i != end && bytes.size() < bytes_max; ++i)
    bytes += *i;
  return bytes;
}

std::int64_t seconds_of(time_point t) {
  return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count();
}

} // namespace

std::shared_ptr<const time_zone> time_zone::find(std::string_view name) {
  static std::mutex lock;
  static std::map<std::string, std::shared_ptr<const time_zone>, std::less<>> known;
  if (!harmless(name))
    return nullptr;
  std::lock_guard guard{lock};
  if (auto i = known.find(name); i != known.end())
    return i->second;
  auto zone = read(std::string{name});
  // Unknown names are not remembered: there are too many of them.
  if (zone != nullptr)
    known.emplace(name, zone);
  return zone;
}

std::shared_ptr<const time_zone> time_zone::read(const std::string& name) {
  if (name == "UTC")
    return std::make_shared<time_zone>();
  if (auto zone = of_file(read_file(name)))
    return zone;
  return of_file(built_in_zone(name).value_or(std::string_view{}));
}

std::shared_ptr<const time_zone> time_zone::of_file(std::string_view bytes) {
  if (bytes.size() < 44 || !bytes.starts_with("TZif") || bytes[4] < '2')
    return nullptr;
  reader in{bytes};
  auto first = read_header(in);
  in.skip(first.time * 5 + first.type * 6 + first.chars + first.leap * 8 + first.isstd
          + first.isut);
  auto h = read_header(in);
  if (!in.ok() || h.type == 0)
    return nullptr;
  std::vector<change> changes(h.time);
  for (auto& c : changes)
    c.at = in.number(8);
  std::vector<std::size_t> types(h.time);
  for (auto& t : types)
    t = static_cast<std::size_t>(in.number(1) & 0xff);
  std::vector<std::int32_t> offsets(h.type);
  for (auto& offset : offsets) {
    offset = static_cast<std::int32_t>(in.number(4));
    in.skip(2);
  }
  in.skip(h.chars + h.leap * 12 + h.isstd + h.isut);
  if (!in.ok())
    return nullptr;
  for (std::size_t i = 0; i < h.time; ++i) {
    if (types[i] >= offsets.size())
      return nullptr;
    changes[i].offset = offsets[types[i]];
  }
  auto out = std::make_shared<time_zone>();
  out->first_offset_ = offsets[0];
  out->changes_ = std::move(changes);
  out->ever_after_ = clock_rule::parse(in.footer());
  return out;
}

duration time_zone::offset_at(time_point t) const {
  auto at = seconds_of(t);
  auto after = std::upper_bound(changes_.begin(), changes_.end(), at,
                                [](std::int64_t moment, const change& c) { return moment < c.at; });
  if (after == changes_.end() && ever_after_)
    return std::chrono::seconds{ever_after_->offset_at(at)};
  return std::chrono::seconds{after == changes_.begin() ? first_offset_ : std::prev(after)->offset};
}

time_point time_zone::moment_of(time_point local) const {
  return local - offset_at(local - offset_at(local));
}

} // namespace reprise
