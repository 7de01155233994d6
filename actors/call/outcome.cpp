#include "actors/call/outcome.hpp"

#include <utility>

namespace reprise::actors {

outcome::~outcome() {
  // Whatever is not durable for sure is lost; of a start that is not in the store nothing is taken
  // back, and of one that left early nothing is there.
  auto may_stand = status == store::commit_status::committed
                   || status == store::commit_status::unknown;
  if (!returns || !may_stand || released.early_start)
    return;
  for (const auto& a : released.answers) {
    returns->take_back_all(a.reply);
    for (const auto& token : a.task_tokens)
      returns->take_back(token);
  }
}

cluster::Reply to_reply(const error& e) {
  cluster::Reply out;
  auto& status = *out.mutable_status();
  status.set_code(static_cast<int>(e.code));
  status.set_message(e.message);
  status.set_detail_type(e.detail_type);
  status.set_detail(e.detail);
  return out;
}

cluster::Reply to_reply(std::string response) {
  cluster::Reply out;
  out.set_response(std::move(response));
  return out;
}

} // namespace reprise::actors
