#pragma once

#include "protocol/interfaces.hpp"
#include "store/types.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace reprise::actors {

/// Orders that were given together. When the last of them is over, done or not, the upkeep is told
/// how many were not.
struct run_round {
  /// Of the work on one namespace.
  enum class work : std::uint8_t {
    /// The namespace is deleted: all goes.
    erase,
    /// Its retention has changed: closed runs have to look when they end.
    review,
  };

  run_round(upkeep_actor to_tell, std::uint64_t its_number)
    : to(std::move(to_tell)), number(its_number) {
  }

  ~run_round();
  run_round(const run_round&) = delete;
  run_round& operator=(const run_round&) = delete;

  const upkeep_actor to;
  const std::uint64_t number;
  /// What a reader found.
  store::run_page page{};
  bool failed = false;
  /// Of a namespace that was in no record: it is in one after all.
  bool has_record = false;
  /// Set when orders were given.
  bool is_given = false;
  std::atomic<std::uint64_t> undone{0};
};

/// What is to become of one run. Its slot carries it out; destroyed before it is done, be it with a
/// message, a call or a slot, it counts as not done.
struct run_order {
  run_order(std::shared_ptr<run_round> one_of, run_round::work what_to_do, store::run_head which)
    : round(std::move(one_of)), what(what_to_do), head(std::move(which)) {
  }

  ~run_order();
  run_order(const run_order&) = delete;
  run_order& operator=(const run_order&) = delete;

  const std::shared_ptr<run_round> round;
  const run_round::work what;
  const store::run_head head;
  /// The writer has it; the slot's own business.
  bool is_under_way = false;
  /// It is durable.
  bool is_done = false;
};

using run_order_ptr = std::shared_ptr<run_order>;

} // namespace reprise::actors
