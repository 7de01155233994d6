#include "tests/crash/load/server_process.hpp"

#include "base/ensure.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

namespace reprise::crash {

namespace {

std::string binary() {
  auto self = std::filesystem::read_symlink("/proc/self/exe");
  return (self.parent_path() / "reprise").string();
}

/// Between fork and exec: nothing here may allocate.
[[noreturn]] void become(char* const* arguments, int output, int log_to) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(output, STDOUT_FILENO);
  dup2(log_to, STDERR_FILENO);
  execv(arguments[0], arguments);
  _exit(127);
}

} // namespace

server_process::server_process(std::vector<std::string> flags, std::string log_file,
                               std::vector<std::string> command)
  : flags_(std::move(flags)), command_(std::move(command)), log_file_(std::move(log_file)) {
}

server_process::~server_process() {
  kill();
}

void server_process::launch() {
  ENSURE(pid_ == 0, "one life at a time");
  std::vector<std::string> words{binary()};
  words.insert(words.end(), command_.begin(), command_.end());
  words.insert(words.end(), {"--port", "0"});
  words.insert(words.end(), flags_.begin(), flags_.end());
  std::vector<char*> arguments;
  for (auto& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int ends[2];
  ENSURE(pipe2(ends, O_CLOEXEC) == 0, "no pipe");
  auto log_to = open(log_file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ENSURE(log_to >= 0, "no log file");
  pid_ = fork();
  if (pid_ == 0)
    become(arguments.data(), ends[1], log_to);
  ENSURE(pid_ > 0, "no process");
  close(ends[1]);
  close(log_to);
  output_ = ends[0];
}

int server_process::wait_for_port(duration patience) {
  auto until = std::chrono::steady_clock::now() + patience;
  const std::string mark = "gRPC     127.0.0.1:";
  std::string said;
  while (true) {
    auto at = said.find(mark);
    if (at != std::string::npos && said.find('\n', at) != std::string::npos)
      return port_ = std::stoi(said.substr(at + mark.size()));
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      until - std::chrono::steady_clock::now());
    pollfd wait{.fd = output_, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) <= 0)
      return 0;
    char text[512];
    auto n = read(output_, text, sizeof text);
    if (n <= 0)
      return 0;
    said.append(text, static_cast<std::size_t>(n));
  }
}

void server_process::kill() {
  if (pid_ <= 0)
    return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
  close_output();
}

void server_process::pause() {
  ENSURE(pid_ > 0 && ::kill(pid_, SIGSTOP) == 0, "no process to stop");
  int status = 0;
  // Returns when it has stopped, not only been asked to.
  waitpid(pid_, &status, WUNTRACED);
}

void server_process::resume() {
  ENSURE(pid_ > 0 && ::kill(pid_, SIGCONT) == 0, "no process to continue");
}

int server_process::end(duration patience) {
  if (pid_ <= 0)
    return -1;
  ::kill(pid_, SIGTERM);
  auto until = std::chrono::steady_clock::now() + patience;
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() > until) {
      kill();
      return -1;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  pid_ = 0;
  close_output();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void server_process::close_output() {
  if (output_ >= 0)
    close(output_);
  output_ = -1;
}

std::string server_process::log_tail() const {
  constexpr std::size_t tail = 4000;
  std::ifstream in{log_file_};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  return text.size() > tail ? text.substr(text.size() - tail) : text;
}

} // namespace reprise::crash
