#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace reprise::frontend {

/// One call of a side service. Only on the thread of its loop.
class exchange {
public:
  /// Says one message to the caller.
  virtual void send(std::string message) = 0;
  /// Ends the call; nothing can be said after that.
  virtual void finish(result<void> how) = 0;

protected:
  ~exchange() = default;
};

/// A small service beside the API, with calls of any number of messages in both directions, that
/// answers at once on the loop's thread.
class side_service {
public:
  virtual ~side_service() = default;

  /// The caller says a message.
  virtual void on_message(exchange& from, std::string_view message) = 0;
  /// The caller will say no more.
  virtual void on_end(exchange& from) = 0;
  /// The call is over, whoever ended it; its exchange is gone after this.
  virtual void on_gone(exchange& from) = 0;
};

} // namespace reprise::frontend
