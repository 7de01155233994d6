#pragma once

#include "store/backup.hpp"
#include "store/sqlite/backup_copy.hpp"

#include <memory>
#include <mutex>
#include <string>

namespace reprise::store::sqlite {

/// The copies that are taken of one file, which outlives this: one at a time.
class backups : public backup_source {
public:
  backups(std::string store_path, std::string vfs, const backup_limits& limits);

  result<std::string> begin_backup() override;
  result<backup_state> look_at_backup(const std::string& name) override;
  result<std::string> read_backup(const std::string& name, std::uint64_t offset,
                                  std::size_t bytes_max) override;
  void end_backup(const std::string& name) override;

private:
  std::shared_ptr<backup_copy> find(const std::string& name);

  const std::string store_path_;
  const std::string vfs_;
  const backup_limits limits_;
  std::mutex mutex_;
  /// Shared with who reads it just now.
  std::shared_ptr<backup_copy> now_;
};

} // namespace reprise::store::sqlite
