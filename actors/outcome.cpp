#include "actors/outcome.hpp"

namespace reprise::actors {

cluster::Reply to_reply(const error& e) {
  cluster::Reply out;
  auto& status = *out.mutable_status();
  status.set_code(static_cast<int>(e.code));
  status.set_message(e.message);
  status.set_detail_type(e.detail_type);
  status.set_detail(e.detail);
  return out;
}

} // namespace reprise::actors
