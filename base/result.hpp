#pragma once

#include "base/error.hpp"

#include <optional>
#include <utility>
#include <variant>

namespace reprise {

/// A value or an error. The SDK's part of the tree is C++20, which lacks `std::expected`; the
/// names follow it so that the day it is there nothing but this file changes.
template <class T>
class [[nodiscard]] result {
public:
  result(T value) : data_(std::in_place_index<0>, std::move(value)) {
  }

  result(error e) : data_(std::in_place_index<1>, std::move(e)) {
  }

  explicit operator bool() const noexcept {
    return data_.index() == 0;
  }

  bool has_value() const noexcept {
    return data_.index() == 0;
  }

  T& value() & {
    return std::get<0>(data_);
  }

  const T& value() const& {
    return std::get<0>(data_);
  }

  T&& value() && {
    return std::get<0>(std::move(data_));
  }

  T& operator*() & {
    return std::get<0>(data_);
  }

  const T& operator*() const& {
    return std::get<0>(data_);
  }

  T&& operator*() && {
    return std::get<0>(std::move(data_));
  }

  T* operator->() {
    return &std::get<0>(data_);
  }

  const T* operator->() const {
    return &std::get<0>(data_);
  }

  const struct error& error() const& {
    return std::get<1>(data_);
  }

  struct error&& error() && {
    return std::get<1>(std::move(data_));
  }

private:
  std::variant<T, struct error> data_;
};

/// Success without a value, or an error.
template <>
class [[nodiscard]] result<void> {
public:
  result() = default;

  result(error e) : error_(std::move(e)) {
  }

  explicit operator bool() const noexcept {
    return !error_.has_value();
  }

  bool has_value() const noexcept {
    return !error_.has_value();
  }

  const struct error& error() const& {
    return *error_;
  }

  struct error&& error() && {
    return std::move(*error_);
  }

private:
  std::optional<struct error> error_;
};

} // namespace reprise
