#include "cli/text_list.hpp"

#include <CLI/CLI.hpp>

namespace reprise::cli {

CLI::Option* add_text_list(CLI::App& command, const std::string& names,
                           std::vector<std::string>& into, const std::string& help) {
  CLI::callback_t take = [&into](const CLI::results_t& words) {
    into = words;
    return true;
  };
  return command.add_option(names, take, help)
    ->type_name("TEXT")
    ->expected(1, CLI::detail::expected_max_vector_size)
    ->allow_extra_args(false);
}

} // namespace reprise::cli
