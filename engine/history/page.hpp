#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace reprise::engine {

/// Which events a page may hold. `first` to `last`, both included; none when last < first. A
/// reverse page begins at `last` and goes down. Pages are counted in batches: a batch is what one
/// transition added to the history, or its part up to the start of a workflow task. So rows tell
/// batches apart: of two transitions in one row the first ends with such a start (engine::joined).
struct page_request {
  std::int64_t first = 1;
  std::int64_t last = 0;
  std::int64_t batches_max = 256;
  std::size_t bytes_max = 3U << 20;
  bool reverse = false;
};

/// A part of a history, as stored bytes.
struct page {
  /// A serialised History.
  std::string events{};
  /// The event behind the page, in its direction.
  std::int64_t next = 1;
  /// It ends where the request ends.
  bool complete = false;
};

/// Puts rows of events together to a page; at least one event whatever the bounds. Batches stay
/// whole, unless one alone has more bytes than a page. Rows may begin before and end behind what is
/// wanted.
class page_builder {
public:
  explicit page_builder(const page_request& want);

  /// Takes what is wanted of a row; the next one, in the page's direction. False when the page
  /// needs no more, or the row does not fit (see broken()).
  bool add(std::int64_t first_event_id, std::int64_t event_count, std::string_view events);

  bool done() const noexcept {
    return full_ || complete();
  }

  bool complete() const noexcept;

  /// The rows were no histories, or left a gap.
  bool broken() const noexcept {
    return broken_;
  }

  std::int64_t next() const noexcept {
    return next_;
  }

  page take() &&;

private:
  struct batch {
    std::int64_t first_event_id = 0;
    std::int64_t count = 0;
    std::string_view events{};
  };

  bool add_forward(batch row);
  bool add_reverse(batch row);
  bool take_batch(batch& row, batch& out);
  bool begin_batch(std::size_t bytes);
  bool end_batch();
  bool append(std::string_view event);

  page_request want_;
  page out_;
  std::int64_t next_;
  std::int64_t batches_ = 0;
  bool full_ = false;
  bool broken_ = false;
};

} // namespace reprise::engine
