#pragma once

// Changes messages by their descriptors, so that what reaches a server is a request more often than
// noise: fields come, go and take values that are likely to hurt.

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

namespace reprise::fuzz {

class message_mutator {
public:
  using message = google::protobuf::Message;
  using field = google::protobuf::FieldDescriptor;

  /// `texts`: what names and tokens may be set to; may grow while it is used.
  message_mutator(std::uint32_t seed, const std::vector<std::string>& texts)
    : random_(seed), texts_(texts) {
  }

  void mutate(message& m) {
    for (auto n = 1 + below(4); n > 0; --n)
      mutate_once(m, 0);
  }

private:
  static constexpr int depth_max = 6;

  std::size_t below(std::size_t n) {
    return random_() % n;
  }

  void mutate_once(message& m, int depth) {
    const auto* d = m.GetDescriptor();
    if (d->field_count() == 0)
      return;
    const auto* f = d->field(static_cast<int>(below(static_cast<std::size_t>(d->field_count()))));
    const auto* r = m.GetReflection();
    if (below(8) == 0)
      return r->ClearField(&m, f);
    if (f->is_repeated()) {
      auto size = static_cast<std::size_t>(r->FieldSize(m, f));
      if (size > 0 && below(3) == 0)
        return r->RemoveLast(&m, f);
      if (f->cpp_type() == field::CPPTYPE_MESSAGE && size > 0 && below(2) == 0 && depth < depth_max)
        return mutate_once(*r->MutableRepeatedMessage(&m, f, static_cast<int>(below(size))),
                           depth + 1);
      return add(m, *f, depth);
    }
    set(m, *f, depth);
  }

  void set(message& m, const field& f, int depth) {
    const auto* r = m.GetReflection();
    switch (f.cpp_type()) {
      case field::CPPTYPE_INT32:
        return r->SetInt32(&m, &f, static_cast<std::int32_t>(number()));
      case field::CPPTYPE_INT64:
        return r->SetInt64(&m, &f, number());
      case field::CPPTYPE_UINT32:
        return r->SetUInt32(&m, &f, static_cast<std::uint32_t>(number()));
      case field::CPPTYPE_UINT64:
        return r->SetUInt64(&m, &f, static_cast<std::uint64_t>(number()));
      case field::CPPTYPE_DOUBLE:
        return r->SetDouble(&m, &f, real());
      case field::CPPTYPE_FLOAT:
        return r->SetFloat(&m, &f, static_cast<float>(real()));
      case field::CPPTYPE_BOOL:
        return r->SetBool(&m, &f, below(2) == 0);
      case field::CPPTYPE_ENUM:
        return r->SetEnumValue(&m, &f, static_cast<int>(below(24)));
      case field::CPPTYPE_STRING:
        return r->SetString(&m, &f, text());
      case field::CPPTYPE_MESSAGE:
        if (depth < depth_max)
          mutate_once(*r->MutableMessage(&m, &f), depth + 1);
        return;
    }
  }

  void add(message& m, const field& f, int depth) {
    const auto* r = m.GetReflection();
    switch (f.cpp_type()) {
      case field::CPPTYPE_STRING:
        return r->AddString(&m, &f, text());
      case field::CPPTYPE_MESSAGE:
        if (depth < depth_max)
          mutate_once(*r->AddMessage(&m, &f), depth + 1);
        return;
      case field::CPPTYPE_INT32:
        return r->AddInt32(&m, &f, static_cast<std::int32_t>(number()));
      case field::CPPTYPE_INT64:
        return r->AddInt64(&m, &f, number());
      case field::CPPTYPE_ENUM:
        return r->AddEnumValue(&m, &f, static_cast<int>(below(24)));
      default:
        return;
    }
  }

  std::int64_t number() {
    switch (below(6)) {
      case 0:
        return std::numeric_limits<std::int64_t>::max();
      case 1:
        return std::numeric_limits<std::int64_t>::min();
      case 2:
        return -1;
      case 3:
        return static_cast<std::int64_t>(random_());
      default:
        return static_cast<std::int64_t>(below(20));
    }
  }

  double real() {
    constexpr double odd[] = {0,
                              -1,
                              1e308,
                              -1e308,
                              0.5,
                              2,
                              std::numeric_limits<double>::infinity(),
                              std::numeric_limits<double>::quiet_NaN()};
    return odd[below(std::size(odd))];
  }

  std::string text() {
    return below(16) == 0 ? std::string(1 + below(1100), 'x') : texts_[below(texts_.size())];
  }

  std::mt19937_64 random_;
  const std::vector<std::string>& texts_;
};

} // namespace reprise::fuzz
