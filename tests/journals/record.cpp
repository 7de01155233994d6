#include "tests/journals/record.hpp"

#include "frontend/transport/gzip.hpp"
#include "protocol/journal.pb.h"
#include "tests/support/temporary_folder.hpp"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace reprise::journals {

namespace {

std::string hex(const std::string& bytes) {
  constexpr const char* digits = "0123456789abcdef";
  std::string out = "x";
  for (unsigned char c : bytes) {
    out += digits[c >> 4U];
    out += digits[c & 15U];
  }
  return out;
}

std::string from_hex(const std::string& text) {
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); i += 2)
    out += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return out;
}

/// The first word of a line, which is taken off.
std::string word(std::string& line) {
  auto end = line.find(' ');
  auto out = line.substr(0, end);
  line = end == std::string::npos ? "" : line.substr(end + 1);
  return out;
}

std::string whole_history(server_on_file& server, const std::string& id, const std::string& run) {
  auto ask = server_fixture::history_request(id);
  ask.mutable_execution()->set_run_id(run);
  api::history::v1::History all;
  do {
    auto page = server.ok<ws::GetWorkflowExecutionHistoryResponse>(ask);
    all.MergeFrom(page.history());
    ask.set_next_page_token(page.next_page_token());
  } while (!ask.next_page_token().empty());
  return to_json(all);
}

std::string described(server_on_file& server, const std::string& id, const std::string& run) {
  ws::DescribeWorkflowExecutionRequest ask;
  ask.set_namespace_("default");
  ask.mutable_execution()->set_workflow_id(id);
  ask.mutable_execution()->set_run_id(run);
  return to_json(server.ok<ws::DescribeWorkflowExecutionResponse>(ask));
}

void add_line(std::string& out, const kept_run& r) {
  out += "run " + r.workflow_id + " " + r.run_id + "\n";
  out += "history " + r.history + "\n";
  out += "describe " + r.describe + "\n";
  if (!r.snapshot.empty())
    out += "snapshot " + hex(r.snapshot) + "\n";
  for (const auto& row : r.rows)
    out += "row " + std::to_string(row.first_event_id) + " " + std::to_string(row.event_count) + " "
           + hex(row.events) + " " + hex(row.facts) + "\n";
  if (!r.state.empty())
    out += "state " + hex(r.state) + "\n";
}

void parse_line(record& r, const std::string& what, std::string rest) {
  if (what == "ends")
    r.ends = time_point{duration{std::stoll(rest)}};
  else if (what == "workflow-task")
    r.tokens.workflow_tasks.push_back(from_hex(rest));
  else if (what == "activity-task")
    r.tokens.activity_tasks.push_back(from_hex(rest));
  else if (what == "run") {
    auto id = word(rest);
    r.runs.push_back({.workflow_id = id, .run_id = rest});
  } else if (what == "history")
    r.runs.back().history = rest;
  else if (what == "describe")
    r.runs.back().describe = rest;
  else if (what == "snapshot")
    r.runs.back().snapshot = from_hex(rest);
  else if (what == "state")
    r.runs.back().state = from_hex(rest);
  else if (what == "row") {
    engine::record row;
    row.first_event_id = std::stoll(word(rest));
    row.event_count = std::stoi(word(rest));
    row.events = from_hex(word(rest));
    row.facts = from_hex(rest);
    r.runs.back().rows.push_back(std::move(row));
  }
}

/// A life is worth keeping when it holds everything that this version writes.
void check_whole(const record& r) {
  std::set<int> events;
  std::set<int> facts;
  auto snapshots = 0;
  for (const auto& run : r.runs) {
    api::history::v1::History history;
    from_text(run.history, history);
    for (const auto& e : history.events())
      events.insert(e.event_type());
    snapshots += run.snapshot.empty() ? 0 : 1;
    // A run that a reset makes begins with a snapshot, which has this fact behind it.
    journal::ExecutionState folded;
    REQUIRE(folded.ParseFromString(run.state));
    for (const auto& [id, child] : folded.children())
      if (!child.parent_run_id().empty())
        facts.insert(journal::Fact::kChildrenOf);
    for (const auto& row : run.rows) {
      journal::Facts all;
      REQUIRE(all.ParseFromString(row.facts));
      for (const auto& f : all.facts())
        facts.insert(f.fact_case());
    }
  }
  CHECK(snapshots > 0);
  const auto* oneof = journal::Fact::descriptor()->oneof_decl(0);
  for (int i = 0; i < oneof->field_count(); ++i)
    CHECK_MESSAGE(facts.contains(oneof->field(i)->number()), oneof->field(i)->name());
  for (int type :
       {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
        24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 43, 46, 47, 55})
    CHECK_MESSAGE(events.contains(type),
                  enums::EventType_Name(static_cast<enums::EventType>(type)));
}

} // namespace

std::string to_json(const google::protobuf::Message& m) {
  std::string out;
  REQUIRE(google::protobuf::util::MessageToJsonString(m, &out).ok());
  return out;
}

void from_text(const std::string& json, google::protobuf::Message& m) {
  // As `live.py` writes it: the bytes that the server sent.
  if (json.starts_with('x')) {
    REQUIRE(m.ParseFromString(from_hex(json)));
    return;
  }
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = false;
  auto status = google::protobuf::util::JsonStringToMessage(json, &m, options);
  REQUIRE_MESSAGE(status.ok(), status.ToString());
}

std::string record::text() const {
  auto out = "ends " + std::to_string(ends.time_since_epoch().count()) + "\n";
  for (const auto& token : tokens.workflow_tasks)
    out += "workflow-task " + hex(token) + "\n";
  for (const auto& token : tokens.activity_tasks)
    out += "activity-task " + hex(token) + "\n";
  for (const auto& r : runs)
    add_line(out, r);
  return out;
}

record record::parse(const std::string& text) {
  record out;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);) {
    auto what = word(line);
    parse_line(out, what, line);
  }
  return out;
}

record observe(server_on_file& server) {
  record out{.ends = server.time.now()};
  auto listed = server.ok<ws::ListWorkflowExecutionsResponse>(server_fixture::list_request());
  for (const auto& info : listed.executions()) {
    const auto& x = info.execution();
    out.runs.push_back({.workflow_id = x.workflow_id(),
                        .run_id = x.run_id(),
                        .history = whole_history(server, x.workflow_id(), x.run_id()),
                        .describe = described(server, x.workflow_id(), x.run_id())});
  }
  std::sort(out.runs.begin(), out.runs.end(), [](const kept_run& a, const kept_run& b) {
    return std::tie(a.workflow_id, a.run_id) < std::tie(b.workflow_id, b.run_id);
  });
  return out;
}

void add_journals(server_on_file& server, record& r) {
  auto& db = server.below();
  auto namespaces = db.namespaces();
  REQUIRE(namespaces);
  for (auto& run : r.runs) {
    auto head = db.find_run(namespaces->front().id, machine_kind::workflow, run.workflow_id,
                            run.run_id);
    REQUIRE(head);
    REQUIRE(*head);
    auto snap = db.load_snapshot((*head)->key);
    REQUIRE(snap);
    std::uint64_t from = 1;
    engine::execution state;
    if (*snap) {
      run.snapshot = (*snap)->state;
      from = (*snap)->seq + 1;
      REQUIRE(state.ParseFromString(run.snapshot));
    }
    auto rows = db.read_journal((*head)->key, from, std::size_t{64} << 20);
    REQUIRE(rows);
    for (auto& row : *rows) {
      run.rows.push_back({.first_event_id = row.first_event_id,
                          .event_count = row.event_count,
                          .events = std::move(row.events),
                          .facts = std::move(row.facts)});
      REQUIRE(engine::evolve(state, run.rows.back()));
    }
    run.state = state.SerializeAsString();
  }
}

std::string read_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  REQUIRE_MESSAGE(in.good(), path);
  std::string bytes{std::istreambuf_iterator<char>{in}, {}};
  if (!path.ends_with(".gz"))
    return bytes;
  auto unpacked = frontend::gunzip(bytes, std::size_t{64} << 20);
  REQUIRE_MESSAGE(unpacked, path);
  return std::move(*unpacked);
}

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << bytes;
}

int write_life(const std::string& folder) {
  std::filesystem::create_directories(folder);
  temporary_folder work;
  record r;
  {
    server_on_file server{work.file("store.db")};
    auto tokens = life{server}.live();
    r = observe(server);
    r.tokens = tokens;
    add_journals(server, r);
    check_whole(r);
  }
  write_file(folder + "/store.db", read_file(work.file("store.db")));
  write_file(folder + "/record.txt", r.text());
  return 0;
}

int write_descriptions(const std::string& folder) {
  temporary_folder work;
  write_file(work.file("store.db"), read_file(folder + "/store.db.gz"));
  auto r = record::parse(read_file(folder + "/record.txt.gz"));
  server_on_file server{work.file("store.db")};
  server.go_on_at(r.ends);
  auto now = observe(server);
  for (auto& run : r.runs)
    for (auto& other : now.runs)
      if (other.run_id == run.run_id)
        run.describe = other.describe;
  write_file(folder + "/record.txt", r.text());
  return 0;
}

} // namespace reprise::journals
