#pragma once

#include "engine/machine/transition.hpp"

#include <optional>
#include <string>
#include <vector>

// Messages between durable actors: what other features need of them. A message stands in its
// sender's state until the answer is there, too; the shell sends it until then. Its receiver takes
// it once: where the state cannot tell a copy, the receiving id remembers the answer.

namespace reprise::engine {

// -- sending --------------------------------------------------------------------------------------

/// Writes a message into the outbox and sends it with the step. What tells it from others is filled
/// in here; the caller says to whom it goes and what it is.
void send(transition& t, outbox::Message message);
/// A message leaves the outbox without a word in the history, and is kept for a reset of the run.
void rest(transition& t, const journal::MessageRested& why);
/// The address of another workflow of the run's namespace.
outbox::Address workflow_address(const context& c, const std::string& workflow_id);
/// Messages without an answer, in the order in which they were written.
std::vector<outbox::Message> unanswered_messages(const execution& x);
/// The run's outbox is not empty: it has to be there when the answers come.
bool waits_for_answers(const execution& x);
/// The message that this is the answer to; null: it has one, or was never sent.
const outbox::Message* answered_message(const execution& x, const outbox::Answered& answered);
/// There is no such namespace as the message was for.
bool namespace_is_gone(const outbox::Answer& answer);
/// The run to which a reset moved the message that this is the answer to; empty: none did.
const std::string& moved_to(const execution& x, const outbox::Answered& answered);
/// Since when somebody has to see to it that the messages are sent; nothing: there are none.
std::optional<time_point> unanswered_since(const execution& x);

// -- receiving ------------------------------------------------------------------------------------

/// The run that a message is for; empty: the current one.
const std::string& run_of(const outbox::Message& message);
/// It may begin one.
bool begins_run(const outbox::Message& message);
/// Its sender is its receiver.
bool goes_to_itself(const cluster::Delivery& delivery);
/// The run was started as a child by the run that wrote the message.
bool is_child_of_sender(const execution& x, const cluster::Delivery& delivery);

} // namespace reprise::engine
