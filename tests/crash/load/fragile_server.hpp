#pragma once

#include "cli/local_server.hpp"
#include "tests/crash/load/transport.hpp"
#include "tests/support/forgetful_disk.hpp"

#include <memory>
#include <shared_mutex>
#include <string>

namespace reprise::crash {

/// A whole server in this process on an SQLite store whose disk forgets what was not synced.
/// Calls go straight to its front door. Start and cut from one thread, call from any.
class fragile_server final : public transport {
public:
  /// `name` must be free among SQLite's file systems; `path` is that of the store.
  fragile_server(const std::string& name, std::string path);
  ~fragile_server() override;

  /// Power on: opens the store and waits until the server serves.
  result<void> start();
  /// Power off, in the middle of everything: no answer leaves from this moment on, what was not
  /// synced is gone; or, of that, some was written all the same, as the seed decides.
  void cut_power();
  void cut_power_keeping_some(std::uint64_t seed);
  /// What a health check would be told.
  bool serves();

  test::forgetful_disk& disk() noexcept {
    return disk_;
  }

  result<std::string> call(const std::string& method, const std::string& request,
                           duration patience) override;

private:
  struct life;

  template <class Crash>
  void cut(Crash crash);

  const std::string path_;
  test::forgetful_disk disk_;
  /// Shared by calls while they are handed to the life, exclusive while it comes or goes.
  std::shared_mutex mutex_;
  std::unique_ptr<life> life_;
};

} // namespace reprise::crash
