// Any bytes as the rows of a journal: folded or found broken, and whatever came out can be
// described, has deadlines and tasks, and is itself a snapshot that reads back.
#include "base/ids.hpp"
#include "engine/engine.hpp"
#include "protocol/journal.pb.h"
#include "protocol/parse_stored.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/message_mutator.hpp"

using namespace reprise;

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

/// Two bytes of length, then the facts, then the events.
struct row_bytes {
  std::string facts{};
  std::string events{};
};

row_bytes split(std::string_view bytes) {
  if (bytes.size() < 2)
    return {};
  auto n = static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) << 8
           | static_cast<unsigned char>(bytes[1]);
  bytes.remove_prefix(2);
  n = std::min(n, bytes.size());
  return {.facts = std::string{bytes.substr(0, n)}, .events = std::string{bytes.substr(n)}};
}

const std::vector<std::string>& texts() {
  static const std::vector<std::string> all{"",           "a",        "b",    "t",  "queue",
                                            "json/plain", "encoding", "null", "[]", "request"};
  return all;
}

} // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
  if (seed % 8 == 0)
    return LLVMFuzzerMutate(data, size, max_size);
  auto row = split(fuzz::bytes_of(data, size));
  journal::Facts facts;
  temporal::api::history::v1::History events;
  fuzz::message_mutator change{seed, texts()};
  if (facts.ParseFromString(row.facts))
    change.mutate(facts);
  if (events.ParseFromString(row.events))
    change.mutate(events);
  std::int64_t id = 0;
  if (seed % 3 == 0)
    for (auto& e : *events.mutable_events()) {
      e.set_event_id(++id);
      e.set_event_type(static_cast<temporal::api::enums::v1::EventType>(1 + (seed + id) % 50));
    }
  auto front = facts.SerializeAsString();
  auto back = events.SerializeAsString();
  if (front.size() > 0xffff || front.size() + back.size() + 2 > max_size)
    return LLVMFuzzerMutate(data, size, max_size);
  data[0] = static_cast<std::uint8_t>(front.size() >> 8);
  data[1] = static_cast<std::uint8_t>(front.size() & 0xff);
  std::copy(front.begin(), front.end(), data + 2);
  std::copy(back.begin(), back.end(), data + 2 + front.size());
  return front.size() + back.size() + 2;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto row = split(fuzz::bytes_of(data, size));
  engine::execution x;
  auto whole = engine::evolve(
    x, engine::record{
         .first_event_id = 1, .event_count = 1, .events = row.events, .facts = row.facts});
  if (!whole)
    return 0;
  seeded_ids ids{1};
  engine::namespace_facts ns;
  engine::limits bounds;
  engine::context c{
    .now = time_point{std::chrono::seconds{1'700'000'000}}, .ids = ids, .ns = ns, .bounds = bounds};
  engine::describe(x, c);
  engine::info_of(x);
  engine::next_deadline(x);
  engine::undelivered_since(x);
  engine::undelivered_tasks(x, c.now);
  engine::transient_events(x, x.workflow_task());
  engine::execution again;
  auto snapshot = x.SerializeAsString();
  fuzz::require(protocol::parse_stored(again, snapshot), "a state is a snapshot");
  return 0;
}
