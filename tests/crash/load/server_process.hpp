#pragma once

#include "base/clock.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace reprise::crash {

/// `reprise server start-dev`, or another command, as a child process, on free ports, beside this
/// executable in the build tree. It dies with the thread that started it, so start it from the
/// test's own thread.
class server_process {
public:
  /// `flags` say where the store is; what the server logs is appended to `log_file`.
  server_process(std::vector<std::string> flags, std::string log_file,
                 std::vector<std::string> command = {"server", "start-dev"});
  ~server_process();
  server_process(const server_process&) = delete;
  server_process& operator=(const server_process&) = delete;

  void launch();
  /// The port that it listens on, as soon as it says so. 0: it ended, or `patience` was over.
  int wait_for_port(duration patience);

  /// As it was last said.
  int port() const noexcept {
    return port_;
  }

  /// kill -9, at any moment of its life.
  void kill();
  /// SIGSTOP and SIGCONT.
  void pause();
  void resume();
  /// SIGTERM; answers the exit code, or -1 when it does not end within `patience` (and kills it).
  int end(duration patience);

  bool runs() const noexcept {
    return pid_ > 0;
  }

  /// The last lines that it logged.
  std::string log_tail() const;

private:
  void close_output();

  std::vector<std::string> flags_;
  std::vector<std::string> command_;
  std::string log_file_;
  pid_t pid_ = 0;
  int output_ = -1;
  int port_ = 0;
};

} // namespace reprise::crash
