// Reads compiled time zones (RFC 8536). Of a file's two blocks the second one, with 64-bit times,
// counts; its transitions reach to 2037, after which the last offset is taken to stay.

#include "base/time_zone.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>

namespace reprise {

namespace {

/// Big-endian numbers out of a string, with every read checked.
class reader {
public:
  explicit reader(const std::string& bytes) : bytes_(bytes) {
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

  bool ok() const {
    return ok_;
  }

private:
  const std::string& bytes_;
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
  auto zone = std::make_shared<time_zone>();
  if (name == "UTC")
    return zone;
  const char* folder = std::getenv("TZDIR");
  std::ifstream in{std::string{folder != nullptr ? folder : "/usr/share/zoneinfo"} + "/" + name,
                   std::ios::binary};
  if (!in)
    return nullptr;
  constexpr std::size_t bytes_max = 1U << 20;
  std::string bytes;
  for (std::istreambuf_iterator<char> i{in}, end; i != end && bytes.size() < bytes_max; ++i)
    bytes += *i;
  return parse(bytes, *zone) ? zone : nullptr;
}

bool time_zone::parse(const std::string& bytes, time_zone& out) {
  if (bytes.size() < 44 || std::memcmp(bytes.data(), "TZif", 4) != 0 || bytes[4] < '2')
    return false;
  reader in{bytes};
  auto first = read_header(in);
  in.skip(first.time * 5 + first.type * 6 + first.chars + first.leap * 8 + first.isstd
          + first.isut);
  auto h = read_header(in);
  if (!in.ok() || h.type == 0)
    return false;
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
  if (!in.ok())
    return false;
  for (std::size_t i = 0; i < h.time; ++i) {
    if (types[i] >= offsets.size())
      return false;
    changes[i].offset = offsets[types[i]];
  }
  out.first_offset_ = offsets[0];
  out.changes_ = std::move(changes);
  return true;
}

duration time_zone::offset_at(time_point t) const {
  auto after = std::upper_bound(changes_.begin(), changes_.end(), seconds_of(t),
                                [](std::int64_t at, const change& c) { return at < c.at; });
  return std::chrono::seconds{after == changes_.begin() ? first_offset_ : std::prev(after)->offset};
}

std::vector<time_point> time_zone::moments_of(time_point local) const {
  // Offsets change at most once within a day either side, so these two are all that can apply.
  auto early = offset_at(local - std::chrono::hours{24});
  auto late = offset_at(local + std::chrono::hours{24});
  std::vector<time_point> out;
  for (auto offset : {early, late}) {
    auto moment = local - offset;
    if (offset_at(moment) == offset && (out.empty() || out.back() != moment))
      out.push_back(moment);
  }
  std::sort(out.begin(), out.end());
  return out;
}

} // namespace reprise
