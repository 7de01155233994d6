#pragma once

#include "temporal/api/command/v1/message.pb.h"
#include "temporal/api/history/v1/message.pb.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

// The workflow that the load consists of: an activity whose first attempt fails, perhaps one that
// may run at most once, a timer, a number of signals, and a result that tells what happened.
namespace reprise::crash {

using history_event = temporal::api::history::v1::HistoryEvent;
using command = temporal::api::command::v1::Command;

inline constexpr const char* order_type = "order";
inline constexpr const char* order_queue = "orders";
inline constexpr const char* signal_name = "paid";
/// Fails at its first attempt, is retried without end.
inline constexpr const char* flaky_activity = "flaky";
/// maximum_attempts 1: may be lost with a server, but never run twice.
inline constexpr const char* once_activity = "once";
inline constexpr const char* timer_id = "pause";
/// What became of a `once` activity that was handed out to nobody alive.
inline constexpr const char* lost_text = "lost";

/// What one order shall do; travels as its input, so that any worker can go on with it.
struct order_plan {
  std::uint64_t number = 0;
  int timer_ms = 0;
  /// At least one. Each carries its number, from 0 on.
  int signals = 1;
  bool has_once = false;
  /// The timer starts with the activities, else behind them.
  bool parallel = false;
  /// Started by signal-with-start, which brings signal 0; needs two signals at least.
  bool by_signal = false;

  std::string workflow_id() const {
    return "order-" + std::to_string(number);
  }

  std::string text() const;
  friend bool operator==(const order_plan&, const order_plan&) = default;
};

/// The plan of an order; the same for the same seed and number.
order_plan make_plan(std::uint64_t seed, std::uint64_t number);
std::optional<order_plan> parse_plan(const std::string& text);
/// The plan in a Started event.
std::optional<order_plan> plan_of(const history_event& started);

/// What the activity of that name answers at that attempt; nothing: it fails.
std::optional<std::string> run_activity(const std::string& id, const std::string& input,
                                        int attempt);

/// What a history says of the order, and what it wants next.
struct order_view {
  std::optional<order_plan> plan{};
  bool flaky_scheduled = false;
  bool once_scheduled = false;
  bool timer_started = false;
  bool timer_fired = false;
  /// Empty: not there yet.
  std::string flaky{};
  std::string once{};
  std::vector<int> signals{};
};

order_view view_of(std::span<const history_event> events);
/// The workflow's code: a pure function of the history, as for any SDK.
std::vector<command> next_commands(std::span<const history_event> events);
std::string result_text(const order_view& view);

/// The only payload of a list of them, as text.
std::string text_of(const temporal::api::common::v1::Payloads& payloads);
void set_text(temporal::api::common::v1::Payloads& payloads, const std::string& text);

/// A number that tells one event from every other one.
std::uint64_t digest_of(const history_event& event);

} // namespace reprise::crash
