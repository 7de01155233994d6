#include "frontend/grpc_loop.hpp"

#include "actors/wire.hpp"
#include "frontend/gzip.hpp"

#include <grpcpp/grpcpp.h>

#include <array>
#include <string_view>
#include <utility>

namespace reprise::frontend {

namespace {

/// What a request may have; the API's limit. The transport's own is far higher, since its text is
/// not the one by which clients know that a retry is in vain.
constexpr std::size_t request_bytes_max = 4U << 20;
/// What the text and the details of an error may take in a call's trailers, encoded. Many clients
/// take 8 KiB of headers in all, and give an error of their own instead of ours when there is more.
constexpr std::size_t error_trailers_max = 7000;

constexpr std::array<const char*, 7> known_headers{
  "client-name", "client-version", "supported-server-versions", "supported-features",
  "caller-name", "caller-type",    "temporal-namespace"};

headers headers_of(const grpc::ServerContext& context) {
  headers said;
  for (const auto* name : known_headers)
    if (auto found = context.client_metadata().find(name); found != context.client_metadata().end())
      said.emplace(name, std::string{found->second.data(), found->second.size()});
  return said;
}

std::optional<time_point> deadline_of(const grpc::ServerContext& context) {
  auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max())
    return std::nullopt;
  return std::chrono::time_point_cast<duration>(deadline);
}

/// Bytes that the transport sends from where they are.
grpc::ByteBuffer to_buffer(std::string bytes) {
  auto* kept = new std::string{std::move(bytes)};
  grpc::Slice slice{kept->data(), kept->size(),
                    [](void* owner) { delete static_cast<std::string*>(owner); }, kept};
  return grpc::ByteBuffer{&slice, 1};
}

/// A google.rpc.Status with one detail, in its wire form.
std::string status_bytes(const error& why, const std::string& text) {
  using actors::append_field;
  using actors::append_varint;
  constexpr std::uint64_t code_head = 1 << 3;
  std::string any;
  append_field(any, 1, "type.googleapis.com/" + why.detail_type);
  append_field(any, 2, why.detail);
  std::string out;
  append_varint(out, code_head);
  append_varint(out, static_cast<std::uint64_t>(why.code));
  append_field(out, 2, text);
  append_field(out, 3, any);
  return out;
}

gpr_timespec to_deadline(std::optional<cluster::event_source::time_point> until) {
  if (!until)
    return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  auto since_boot = until->time_since_epoch();
  auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
  return {.tv_sec = seconds.count(),
          .tv_nsec = static_cast<int>((since_boot - seconds).count()),
          .clock_type = GPR_CLOCK_MONOTONIC};
}

/// What the completion queue hands back; says which of a call's operations is over.
struct event {
  virtual void over(bool ok) = 0;

protected:
  ~event() = default;
};

/// As much of the text as may be sent, and no half character at its end.
std::string sendable_text(const error& why, bool has_detail) {
  // A byte of the text goes out percent-encoded when it is not plain ASCII, and again in the
  // details, in base64.
  constexpr std::size_t fixed = 200;
  auto base64 = [](std::size_t bytes) { return bytes * 4 / 3; };
  auto used = fixed + (has_detail ? base64(why.detail.size() + why.detail_type.size()) : 0);
  std::size_t repeated = 0;
  std::size_t end = 0;
  for (; end < why.message.size(); ++end) {
    auto c = static_cast<unsigned char>(why.message[end]);
    used += c < ' ' || c > '~' || c == '%' ? 3 : 1;
    ++repeated;
    if (used + (has_detail ? base64(repeated) : 0) > error_trailers_max)
      break;
  }
  if (end < why.message.size())
    while (end > 0 && (static_cast<unsigned char>(why.message[end]) & 0xC0) == 0x80)
      --end;
  return why.message.substr(0, end);
}

} // namespace

grpc::Status to_status(const error& why) {
  // A detail may repeat what the caller sent, at any length.
  auto has_detail = !why.detail_type.empty() && why.detail.size() < error_trailers_max / 3;
  auto text = sendable_text(why, has_detail);
  auto code = static_cast<grpc::StatusCode>(why.code);
  if (!has_detail)
    return {code, text};
  return {code, text, status_bytes(why, text)};
}

/// One call, from the moment at which the transport may give it to us. Everything but finish() runs
/// on its loop's thread. Deletes itself when the transport is through with it.
class grpc_call {
public:
  grpc_call(grpc_loop& loop, raw_service& of, int index) : loop_(loop), of_(of), index_(index) {
    context_.AsyncNotifyWhenDone(static_cast<event*>(&gone_));
    of_.request(index_, context_, request_, responder_, *loop_.queue_,
                static_cast<event*>(&arrived_));
  }

  /// Has the answer written; on the loop's thread.
  void write() {
    if (status_.ok())
      responder_.Finish(response_, status_, static_cast<event*>(&written_));
    else
      responder_.FinishWithError(status_, static_cast<event*>(&written_));
  }

private:
  struct operation final : event {
    operation(grpc_call& owner, void (grpc_call::*then)(bool)) : owner_(owner), then_(then) {
    }

    void over(bool ok) override {
      (owner_.*then_)(ok);
    }

  private:
    grpc_call& owner_;
    void (grpc_call::*then_)(bool);
  };

  void on_arrived(bool ok) {
    if (!ok) {
      // The server was shut down before a call came.
      end();
      return;
    }
    loop_.accept(of_, index_);
    const auto& what = *of_.methods()[static_cast<std::size_t>(index_)];
    if (auto size = request_.Length(); size > request_bytes_max)
      return finish(make_error(errc::resource_exhausted,
                               "grpc: received message larger than max (" + std::to_string(size)
                                 + " vs. " + std::to_string(request_bytes_max) + ")"));
    grpc::Slice whole;
    auto read = request_.TrySingleSlice(&whole).ok() || request_.DumpToSingleSlice(&whole).ok();
    request_.Clear();
    if (!read)
      return finish(make_error(errc::internal, "the request could not be read"));
    std::string_view bytes{reinterpret_cast<const char*>(whole.begin()), whole.size()};
    std::string unpacked;
    if (is_gzip(bytes)) {
      auto r = gunzip(bytes, request_bytes_max);
      if (!r)
        return finish(std::move(r));
      bytes = unpacked = std::move(*r);
    }
    auto served = loop_.front_.serve(what, bytes, headers_of(context_), deadline_of(context_),
                                     [this](result<std::string> r) { finish(std::move(r)); });
    // The answer may be there already; then it waits for this thread.
    call_ = std::move(served);
  }

  /// Any thread.
  void finish(result<std::string> r) {
    if (r)
      response_ = to_buffer(std::move(*r));
    else
      status_ = to_status(r.error());
    loop_.post(*this);
  }

  void on_written(bool) {
    is_written_ = true;
    end_when_over();
  }

  void on_gone(bool) {
    is_gone_ = true;
    if (!is_written_ && call_ && context_.IsCancelled())
      call_->cancel();
    end_when_over();
  }

  void end_when_over() {
    if (is_written_ && is_gone_)
      end();
  }

  void end() {
    auto& loop = loop_;
    delete this;
    loop.ended();
  }

  grpc_loop& loop_;
  raw_service& of_;
  const int index_;
  operation arrived_{*this, &grpc_call::on_arrived};
  operation written_{*this, &grpc_call::on_written};
  operation gone_{*this, &grpc_call::on_gone};
  grpc::ServerContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  grpc::Status status_;
  grpc::ServerAsyncResponseWriter<grpc::ByteBuffer> responder_{&context_};
  call::ptr call_;
  bool is_written_ = false;
  bool is_gone_ = false;
};

/// A call of a method that no service has.
class unknown_call {
public:
  unknown_call(grpc_loop& loop, grpc::AsyncGenericService& of) : loop_(loop), of_(of) {
    of_.RequestCall(&context_, &stream_, loop_.queue_.get(), loop_.queue_.get(),
                    static_cast<event*>(&arrived_));
  }

private:
  struct arrival final : event {
    explicit arrival(unknown_call& owner) : owner(owner) {
    }

    void over(bool ok) override {
      owner.on_arrived(ok);
    }

    unknown_call& owner;
  };

  struct end final : event {
    explicit end(unknown_call& owner) : owner(owner) {
    }

    void over(bool) override {
      owner.on_end();
    }

    unknown_call& owner;
  };

  void on_arrived(bool ok) {
    if (!ok)
      return on_end();
    loop_.accept(of_);
    const auto& path = context_.method();
    auto slash = path.rfind('/');
    auto name = slash == std::string::npos || slash == 0 ? path : path.substr(1, slash - 1);
    auto known = name.starts_with("temporal.api.") && slash != std::string::npos;
    auto text = known ? "unknown method " + path.substr(slash + 1) + " for service " + name
                      : "unknown service " + name;
    stream_.Finish({grpc::StatusCode::UNIMPLEMENTED, text}, static_cast<event*>(&end_));
  }

  void on_end() {
    auto& loop = loop_;
    delete this;
    loop.ended();
  }

  grpc_loop& loop_;
  grpc::AsyncGenericService& of_;
  arrival arrived_{*this};
  end end_{*this};
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
};

raw_service::raw_service(std::vector<const method*> methods) : methods_(std::move(methods)) {
  int index = 0;
  for (const auto* what : methods_) {
    AddMethod(new grpc::internal::RpcServiceMethod(what->path.c_str(),
                                                   grpc::internal::RpcMethod::NORMAL_RPC, nullptr));
    MarkMethodRaw(index++);
  }
}

grpc_loop::grpc_loop(service& front, std::unique_ptr<grpc::ServerCompletionQueue> queue)
  : front_(front), queue_(std::move(queue)) {
}

grpc_loop::~grpc_loop() {
  queue_->Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
  }
}

void grpc_loop::accept_all(const std::vector<std::unique_ptr<raw_service>>& services,
                           grpc::AsyncGenericService& unknown) {
  accept(unknown);
  for (const auto& s : services)
    for (int i = 0; i < static_cast<int>(s->methods().size()); ++i)
      accept(*s, i);
}

void grpc_loop::begun() {
  std::lock_guard lock{mutex_};
  ++calls_;
}

void grpc_loop::accept(raw_service& of, int index) {
  begun();
  new grpc_call{*this, of, index};
}

void grpc_loop::accept(grpc::AsyncGenericService& unknown) {
  begun();
  new unknown_call{*this, unknown};
}

void grpc_loop::ended() {
  std::lock_guard lock{mutex_};
  if (--calls_ == 0)
    idle_.notify_all();
}

void grpc_loop::post(grpc_call& answered) {
  if (std::this_thread::get_id() == thread_id_.load(std::memory_order_relaxed)) {
    answered_here_.push_back(&answered);
    return;
  }
  {
    std::lock_guard lock{mutex_};
    answered_.push_back(&answered);
  }
  wake();
}

void grpc_loop::wake() {
  std::lock_guard lock{mutex_};
  if (woken_)
    return;
  woken_ = true;
  // Under the lock: an alarm may be set again only after the last one was seen.
  alarm_.Set(queue_.get(), gpr_inf_past(GPR_CLOCK_MONOTONIC), nullptr);
}

void grpc_loop::write_answers() {
  for (auto* c : answered_here_)
    c->write();
  answered_here_.clear();
}

void grpc_loop::write_answers_of_others() {
  {
    std::lock_guard lock{mutex_};
    woken_ = false;
    writing_.swap(answered_);
  }
  for (auto* c : writing_)
    c->write();
  writing_.clear();
}

void grpc_loop::wait(std::optional<time_point> until) {
  thread_id_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  write_answers();
  void* tag = nullptr;
  bool ok = false;
  if (queue_->AsyncNext(&tag, &ok, to_deadline(until)) != grpc::CompletionQueue::GOT_EVENT)
    return;
  if (tag == nullptr)
    write_answers_of_others();
  else
    static_cast<event*>(tag)->over(ok);
  write_answers();
}

void grpc_loop::wait_until_idle() {
  std::unique_lock lock{mutex_};
  idle_.wait(lock, [this] { return calls_ == 0; });
}

} // namespace reprise::frontend
