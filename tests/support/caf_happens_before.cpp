// For builds with the thread sanitizer only. CAF's library is not instrumented: the sanitizer does
// not see the atomics by which a mailbox or a reference count hands a value from thread to thread,
// and would call every message a race. These are functions of CAF under their own names. The
// program's come first when symbols are bound, so we and the library itself call them; each tells
// the sanitizer what CAF promises there, and no more, and then has CAF's own do the work. Nothing
// of CAF's is suppressed, and nothing of ours either.

#include <caf/actor_control_block.hpp>
#include <caf/blocking_actor.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/memory_managed.hpp>
#include <caf/ref_counted.hpp>
#include <caf/scheduled_actor.hpp>

#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

namespace {

/// The library's own function, which ours stands in front of.
template <class Function>
Function* of_library(const char* symbol) {
  auto* found = dlsym(RTLD_NEXT, symbol);
  if (found == nullptr) {
    std::fprintf(stderr, "CAF has no %s: caf_happens_before.cpp was made for CAF 0.17\n", symbol);
    std::abort();
  }
  return reinterpret_cast<Function*>(found);
}

/// The annotations take a plain pointer, and use the address alone.
template <class T>
void* place(const T& of) {
  return const_cast<void*>(static_cast<const volatile void*>(&of));
}

} // namespace

namespace caf {

// -- what a sender wrote is there for the receiver of the message --------------------------------

void scheduled_actor::enqueue(mailbox_element_ptr what, execution_unit* host) {
  static auto* const next
    = of_library<void(scheduled_actor*, mailbox_element_ptr, execution_unit*)>(
      "_ZN3caf15scheduled_actor7enqueueESt10unique_ptrINS_15mailbox_elementENS_6detail8disposerEE"
      "PNS_14execution_unitE");
  __tsan_release(place(*what));
  // A message may begin the actor's life, on another thread than the one that made it.
  __tsan_release(place(*this));
  next(this, std::move(what), host);
}

void blocking_actor::enqueue(mailbox_element_ptr what, execution_unit* host) {
  static auto* const next = of_library<void(blocking_actor*, mailbox_element_ptr, execution_unit*)>(
    "_ZN3caf14blocking_actor7enqueueESt10unique_ptrINS_15mailbox_elementENS_6detail8disposerEE"
    "PNS_14execution_unitE");
  __tsan_release(place(*what));
  next(this, std::move(what), host);
}

scheduled_actor::activation_result scheduled_actor::reactivate(mailbox_element& x) {
  static auto* const next = of_library<activation_result(scheduled_actor*, mailbox_element&)>(
    "_ZN3caf15scheduled_actor10reactivateERNS_15mailbox_elementE");
  __tsan_acquire(place(x));
  auto answer = next(this, x);
  __tsan_release(place(*this));
  return answer;
}

intrusive::task_result blocking_actor::mailbox_visitor::operator()(mailbox_element& x) {
  static auto* const next = of_library<intrusive::task_result(mailbox_visitor*, mailbox_element&)>(
    "_ZN3caf14blocking_actor15mailbox_visitorclERNS_15mailbox_elementE");
  __tsan_acquire(place(x));
  return next(this, x);
}

/// Messages that nobody read end here, too.
void memory_managed::request_deletion(bool decremented) const noexcept {
  __tsan_acquire(place(*this));
  static_cast<void>(decremented);
  delete this;
}

// -- one thread at a time runs an actor, and finds what the one before it left --------------------

void scheduled_actor::launch(execution_unit* host, bool lazy, bool hide) {
  static auto* const next = of_library<void(scheduled_actor*, execution_unit*, bool, bool)>(
    "_ZN3caf15scheduled_actor6launchEPNS_14execution_unitEbb");
  __tsan_release(place(*this));
  next(this, host, lazy, hide);
}

resumable::resume_result scheduled_actor::resume(execution_unit* host, std::size_t messages_max) {
  static auto* const next
    = of_library<resume_result(scheduled_actor*, execution_unit*, std::size_t)>(
      "_ZN3caf15scheduled_actor6resumeEPNS_14execution_unitEm");
  __tsan_acquire(place(*this));
  return next(this, host, messages_max);
}

bool scheduled_actor::activate(execution_unit* host) {
  static auto* const next = of_library<bool(scheduled_actor*, execution_unit*)>(
    "_ZN3caf15scheduled_actor8activateEPNS_14execution_unitE");
  auto answer = next(this, host);
  __tsan_release(place(*this));
  return answer;
}

// -- who lets go last finds what all others did --------------------------------------------------
// Not by acquire on each decrement, as the library does it: whoever only drops a handle would then
// seem to know what others did, and hide their races.

void intrusive_ptr_release(actor_control_block* x) {
  if (x->strong_refs.fetch_sub(1, std::memory_order_release) != 1)
    return;
  __tsan_acquire(place(x->strong_refs));
  x->data_dtor(x->get());
  intrusive_ptr_release_weak(x);
}

void intrusive_ptr_release_weak(actor_control_block* x) {
  if (x->weak_refs.fetch_sub(1, std::memory_order_release) != 1)
    return;
  __tsan_acquire(place(x->weak_refs));
  x->block_dtor(x);
}

void ref_counted::deref() const noexcept {
  if (rc_.fetch_sub(1, std::memory_order_release) != 1)
    return;
  __tsan_acquire(place(rc_));
  request_deletion(true);
}

} // namespace caf
