#pragma once

// The binary as a child process: what it prints and how it ends.

#include "tests/support/eventually.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace reprise::testing {

/// Runs beside this executable in the build tree; dies with the thread that started it.
class reprise_process {
public:
  /// `folder`: where its output goes; `name` tells processes of one folder apart.
  reprise_process(const std::string& folder, const std::string& name,
                  std::vector<std::string> words,
                  std::vector<std::pair<std::string, std::string>> environment = {})
    : out_(folder + "/" + name + ".out"), err_(folder + "/" + name + ".err") {
    auto self = std::filesystem::read_symlink("/proc/self/exe");
    words.insert(words.begin(), (self.parent_path() / "reprise").string());
    std::vector<char*> arguments;
    for (auto& word : words)
      arguments.push_back(word.data());
    arguments.push_back(nullptr);
    auto out = open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    auto err = open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    REQUIRE(out >= 0);
    REQUIRE(err >= 0);
    pid_ = fork();
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (const auto& [key, value] : environment)
        setenv(key.c_str(), value.c_str(), 1);
      dup2(out, STDOUT_FILENO);
      dup2(err, STDERR_FILENO);
      execv(arguments[0], arguments.data());
      _exit(127);
    }
    REQUIRE(pid_ > 0);
    close(out);
    close(err);
  }

  ~reprise_process() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  reprise_process(const reprise_process&) = delete;
  reprise_process& operator=(const reprise_process&) = delete;

  void signal(int number) {
    kill(pid_, number);
  }

  /// Waits for its end; the exit code, or minus the signal that ended it.
  int exit_code() {
    int status = 0;
    REQUIRE(eventually([&] { return waitpid(pid_, &status, WNOHANG) == pid_; }));
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  /// Waits until it says where it listens; the port.
  int port() {
    const std::string mark = "gRPC     127.0.0.1:";
    auto said = [&] { return output().find("store ") != std::string::npos; };
    REQUIRE_MESSAGE(eventually(said), errors());
    auto text = output();
    return std::stoi(text.substr(text.find(mark) + mark.size()));
  }

  std::string output() const {
    return text_of(out_);
  }

  std::string errors() const {
    return text_of(err_);
  }

  pid_t pid() const {
    return pid_;
  }

private:
  static std::string text_of(const std::string& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }

  std::string out_;
  std::string err_;
  pid_t pid_ = 0;
};

/// What a run of the binary came to.
struct ended_process {
  int code = 0;
  std::string output{};
  std::string errors{};
};

inline ended_process end_of(reprise_process& p) {
  ended_process out{.code = p.exit_code()};
  out.output = p.output();
  out.errors = p.errors();
  return out;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace reprise::testing
