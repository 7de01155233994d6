#include "cluster/link/frame.hpp"
#include "cluster/link/settings.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace reprise;
using namespace reprise::link;

namespace {

std::string three_frames() {
  std::string all;
  append_frame(all, {.type = frame_type::heartbeat});
  append_frame(all, {.type = frame_type::data, .lane = 1, .flags = flag_first, .content = "hello"});
  append_frame(all, {.type = frame_type::credit, .lane = 0, .content = std::string(300, 'x')});
  return all;
}

struct read_frame {
  frame_type type{};
  std::uint8_t lane = 0;
  std::uint8_t flags = 0;
  std::string content{};

  bool operator==(const read_frame&) const = default;
};

/// Everything that is in these pieces.
std::vector<read_frame> read(const std::vector<std::string>& pieces, frame_reader& by) {
  std::vector<read_frame> out;
  for (const auto& piece : pieces) {
    std::string_view bytes = piece;
    frame f;
    while (by.next(bytes, frame_content_max, f) == frame_reader::found::frame)
      out.push_back({f.type, f.lane, f.flags, std::string{f.content}});
    CHECK(bytes.empty());
  }
  return out;
}

frame_reader::found first_of(const std::string& bytes, std::size_t content_max) {
  frame_reader by;
  std::string_view all = bytes;
  frame f;
  return by.next(all, content_max, f);
}

std::string head(int type, int lane, int flags, int zero, std::size_t size) {
  std::string out;
  for (int n : {type, lane, flags, zero})
    out.push_back(static_cast<char>(n));
  append_envelope_size(out, size);
  return out;
}

} // namespace

TEST_CASE("frames are read back wherever the bytes are cut") {
  auto all = three_frames();
  frame_reader whole;
  auto expected = read({all}, whole);
  REQUIRE(expected.size() == 3);
  CHECK(expected[1] == read_frame{frame_type::data, 1, flag_first, "hello"});
  for (std::size_t a = 0; a <= all.size(); ++a) {
    CAPTURE(a);
    frame_reader two;
    REQUIRE(read({all.substr(0, a), all.substr(a)}, two) == expected);
    CHECK(two.kept() <= frame_bytes_max);
    auto b = a + (all.size() - a) / 2;
    frame_reader three;
    REQUIRE(read({all.substr(0, a), all.substr(a, b - a), all.substr(b)}, three) == expected);
  }
  std::vector<std::string> single;
  for (char c : all)
    single.emplace_back(1, c);
  frame_reader by;
  CHECK(read(single, by) == expected);
}

TEST_CASE("what is no frame is seen by its head") {
  using found = frame_reader::found;
  CHECK(first_of(head(6, 0, 0, 0, 0), 10) == found::frame);
  CHECK(first_of(head(4, 1, 1, 0, 10), 10) == found::nothing);
  CHECK(first_of(head(4, 1, 1, 0, 11), 10) == found::broken);
  CHECK(first_of(head(4, 1, 1, 0, 0xffffffff), frame_content_max) == found::broken);
  CHECK(first_of(head(0, 0, 0, 0, 0), 10) == found::broken);
  CHECK(first_of(head(7, 0, 0, 0, 0), 10) == found::broken);
  CHECK(first_of(head(4, lanes, 0, 0, 0), 10) == found::broken);
  CHECK(first_of(head(4, 0, 2, 0, 0), 10) == found::broken);
  CHECK(first_of(head(4, 0, 0, 1, 0), 10) == found::broken);
  CHECK(first_of("GET / HTTP/1.1\r\n", frame_content_max) == found::broken);
  // A TLS greeting on a door without TLS.
  CHECK(first_of(std::string{"\x16\x03\x01\x02\x00\x01\x00\x01", 8}, frame_content_max)
        == found::broken);
}

TEST_CASE("addresses are read as they are written") {
  for (const auto& at : {endpoint{"10.0.0.1", 7}, endpoint{"a.test", 65535}, endpoint{"::1", 80}}) {
    auto read_back = parse_endpoint(to_string(at));
    REQUIRE(read_back);
    CHECK(*read_back == at);
  }
  for (const char* text : {"", "host", "host:", ":80", "host:0", "host:65536", "host:-1",
                           "host:80x", "::1:80", "[]:80", "[a]b:80", "host: 80"}) {
    CAPTURE(text);
    auto refused = parse_endpoint(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::invalid_argument);
  }
}

TEST_CASE("settings that could not work are refused") {
  CHECK(check({}));
  auto unfit = [](auto&& change) {
    settings s;
    change(s);
    auto checked = check(s);
    return !checked && checked.error().code == errc::invalid_argument;
  };
  CHECK(unfit([](settings& s) { s.silence = s.heartbeat; }));
  CHECK(unfit([](settings& s) { s.heartbeat = milliseconds{0}; }));
  CHECK(unfit([](settings& s) { s.retry_max = s.retry_first / 2; }));
  CHECK(unfit([](settings& s) { s.handshake = milliseconds{0}; }));
  CHECK(unfit([](settings& s) { s.lane[1].window_bytes = 0; }));
  CHECK(unfit([](settings& s) { s.lane[0].send_bytes_max = 0; }));
  CHECK(unfit([](settings& s) { s.envelope_bytes_max = std::size_t{1} << 31; }));
  CHECK(unfit([](settings& s) { s.strangers_max = 0; }));
}
