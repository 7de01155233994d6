#pragma once

#include "tests/crash/load/customers.hpp"
#include "tests/crash/load/worker.hpp"

#include <memory>

namespace reprise::crash {

/// The whole load on one server: customers and workers over one ledger. A test starts it, does
/// harm to the server, and then asks whether anything was lost.
class campaign {
public:
  explicit campaign(transport& to, customers::options how);

  /// Lets every order come to its end: no new ones, then waits for those in flight, until none of
  /// them has ended for `patience`: what is left then is a violation. The server has to be there.
  void finish(duration patience);
  /// Reads everything once more, and holds it against what was acknowledged and read before: every
  /// history, and the list of workflows.
  void check_again();
  /// Ends all threads of the load.
  void end();

  ledger& book() noexcept {
    return book_;
  }

private:
  void check_histories();
  void check_list();

  transport& to_;
  ledger book_;
  std::vector<std::unique_ptr<worker>> workers_;
  std::unique_ptr<customers> customers_;
};

} // namespace reprise::crash
