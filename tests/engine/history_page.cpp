// Pages of a history out of rows of events.
#include "engine/history/page.hpp"
#include "temporal/api/history/v1/message.pb.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace reprise::engine {

TEST_CASE("a batch with more bytes than a page is split, and only such a one") {
  auto row = [](std::int64_t first, int count, std::size_t bytes) {
    temporal::api::history::v1::History h;
    for (int i = 0; i < count; ++i) {
      auto& e = *h.add_events();
      e.set_event_id(first + i);
      e.set_event_type(temporal::api::enums::v1::EVENT_TYPE_MARKER_RECORDED);
      e.mutable_marker_recorded_event_attributes()->set_marker_name(std::string(bytes, 'm'));
    }
    return h.SerializeAsString();
  };
  for (auto reverse : {false, true}) {
    page_request want{.first = 1, .last = 5, .bytes_max = 1000, .reverse = reverse};
    std::vector<std::int64_t> ends;
    auto left = [&] { return want.first <= want.last; };
    for (int i = 0; i < 9 && left(); ++i) {
      page_builder b{want};
      if (reverse && b.add(5, 1, row(5, 1, 300)))
        b.add(1, 4, row(1, 4, 300));
      else if (!reverse && b.add(1, 4, row(1, 4, 300)))
        b.add(5, 1, row(5, 1, 300));
      CHECK_FALSE(b.broken());
      auto got = std::move(b).take();
      ends.push_back(got.next);
      (reverse ? want.last : want.first) = got.next;
    }
    CHECK(ends == (reverse ? std::vector<std::int64_t>{4, 1, 0} : std::vector<std::int64_t>{4, 6}));
  }
}

} // namespace reprise::engine
