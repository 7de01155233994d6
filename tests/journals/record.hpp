#pragma once

#include "engine/engine.hpp"
#include "tests/journals/life.hpp"

#include <google/protobuf/message.h>

#include <string>
#include <vector>

namespace reprise::journals {

/// What is kept of one run.
struct kept_run {
  std::string workflow_id{};
  std::string run_id{};
  /// JSON, or bytes in hex.
  std::string history{};
  std::string describe{};
  /// Its journal from the snapshot on, if it has one, and the fold of it.
  std::string snapshot{};
  std::vector<engine::record> rows{};
  std::string state{};
};

/// What is kept beside a store file: what its server said of it.
struct record {
  time_point ends{};
  open_tokens tokens{};
  std::vector<kept_run> runs{};

  std::string text() const;
  static record parse(const std::string& text);
};

std::string to_json(const google::protobuf::Message& m);
void from_text(const std::string& text, google::protobuf::Message& m);

/// Asks the server for all that is recorded.
record observe(server_on_file& server);
/// Adds what the store holds of each run.
void add_journals(server_on_file& server, record& r);

/// The bytes of a file; unpacked when its name ends in .gz.
std::string read_file(const std::string& path);
void write_file(const std::string& path, const std::string& bytes);

/// `--write FOLDER`: makes a life and writes its store and its record there; not packed yet.
int write_life(const std::string& folder);
/// `--describe FOLDER`: writes the record anew, with what this version says of the kept store.
int write_descriptions(const std::string& folder);

} // namespace reprise::journals
