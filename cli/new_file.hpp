#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace reprise::cli {

/// A file that has its name only when it is whole: written beside it under another one, which goes
/// when this goes.
class new_file {
public:
  enum class existing : unsigned char {
    refuse,
    replace,
  };

  /// Makes it, for its owner alone to read. Refused (failed_precondition) when the name is taken,
  /// unless that is to be replaced, or when there can be no file.
  static result<new_file> begin(const std::string& path, existing what);

  new_file(new_file&& other) noexcept;
  new_file& operator=(new_file&&) = delete;
  ~new_file();

  result<void> write(std::string_view bytes);
  /// Has what was written on the disk.
  result<void> sync();
  /// Gives it its name, for good. Nothing that came there meanwhile is lost but what was to be
  /// replaced.
  result<void> finish();

  /// Where it lies until then.
  const std::string& part() const noexcept {
    return part_;
  }

private:
  new_file(std::string path, std::string part, existing what, int descriptor);
  error failed(const char* what) const;

  std::string path_;
  std::string part_;
  existing what_;
  int descriptor_;
};

/// Beside this name lies SQLite's journal of a store: one that is served, or was and did not end in
/// order. Whatever is put there would be read together with it.
bool has_journal_beside(const std::string& path);

} // namespace reprise::cli
