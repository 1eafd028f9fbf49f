#include "connectors/table/table.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "connectors/table/table_builder.h"
#include "core/log.h"

namespace streamflow {
namespace {

constexpr std::string_view kSqliteScheme = "sqlite:";

std::string absolute(const TableRequest& request, std::string_view path) {
  if (path.starts_with("//") && path.size() > 2) path.remove_prefix(2);
  if (path.starts_with('/') || request.folder.empty()) return std::string(path);
  return request.folder + "/" + std::string(path);
}

Result<std::string> read_file(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(ErrorKind::kIo, std::strerror(errno));
  std::string text;
  char part[64 * 1024];
  ssize_t got = 0;
  while ((got = read(fd, part, sizeof part)) != 0) {
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    text.append(part, static_cast<size_t>(got));
  }
  const int error = errno;
  close(fd);
  if (got < 0) return fail(ErrorKind::kIo, std::strerror(error));
  return text;
}

// What changes when a file does.
std::string stamp(const std::string& path) {
  struct stat about {};
  if (stat(path.c_str(), &about) != 0) return "none";
  return std::to_string(about.st_ino) + "/" + std::to_string(about.st_size) + "/" +
         std::to_string(about.st_mtim.tv_sec) + "." + std::to_string(about.st_mtim.tv_nsec);
}

class FileTable {
 public:
  explicit FileTable(const TableRequest& request) : request_(request) {
    std::string_view address = request_.address;
    if (address.starts_with(kSqliteScheme)) {
      form_ = Form::kSqlite;
      address.remove_prefix(kSqliteScheme.size());
    } else {
      if (address.starts_with("file:")) address.remove_prefix(5);
      if (address.ends_with(".json")) form_ = Form::kJson;
      if (address.ends_with(".ndjson") || address.ends_with(".jsonl")) form_ = Form::kLines;
      if (address.ends_with(".csv")) form_ = Form::kCsv;
    }
    path_ = absolute(request_, address);
  }

  // An error says which file and what is wrong with it.
  Result<LookupTablePtr> load() const {
    auto table = load_form();
    if (table) return table;
    return fail(table.error().kind, path_ + ": " + table.error().message);
  }
  std::string stamp() const {
    std::string all = streamflow::stamp(path_);
    if (form_ == Form::kSqlite) all += " " + streamflow::stamp(path_ + "-wal");
    return all;
  }
  const TableRequest& request() const { return request_; }

 private:
  enum class Form : unsigned char { kUnknown, kCsv, kJson, kLines, kSqlite };

  Result<LookupTablePtr> load_form() const {
    if (form_ == Form::kUnknown)
      return fail(ErrorKind::kConfig, "a table is a .csv, .json or .ndjson file, or sqlite:FILE");
    if (form_ == Form::kSqlite) return read_sqlite_table(request_, path_);
    const auto text = read_file(path_);
    if (!text) return tl::unexpected(text.error());
    if (form_ == Form::kCsv) return read_csv_table(request_, *text);
    return read_json_table(request_, *text, form_ == Form::kLines);
  }

  const TableRequest request_;
  Form form_ = Form::kUnknown;
  std::string path_;
};

// A column that steps rely on is gone or of another type: what, or empty.
std::string misfit(const LookupTable& first, const LookupTable& next) {
  for (size_t i = 0; i < first.columns.size(); ++i) {
    const std::string& name = first.columns[i].name;
    const int at = next.find(name);
    if (at < 0) return "column '" + name + "' is gone";
    const Type before = first.types[i], now = next.types[static_cast<size_t>(at)];
    if (before != Type::kDyn && now != before && next.rows != 0)
      return "column '" + name + "' is no " + std::string(type_name(before)) + " any more";
  }
  return {};
}

// Where refresh is asked for, a thread of its own looks for changes and reads them; it starts with the
// first question and ends with the feed.
class WatchedTable final : public TableFeed {
 public:
  WatchedTable(FileTable file, std::string seen, LookupTablePtr first)
      : file_(std::move(file)), seen_(std::move(seen)), first_(first), current_(std::move(first)) {}
  ~WatchedTable() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

  LookupTablePtr first() const override { return first_; }
  LookupTablePtr current() override {
    if (file_.request().refresh_us > 0 && !thread_.joinable()) thread_ = std::thread([this] { watch(); });
    const std::lock_guard lock(mutex_);
    return current_;
  }

 private:
  void watch() {
    std::unique_lock lock(mutex_);
    const auto pause = std::chrono::microseconds(file_.request().refresh_us);
    while (!wake_.wait_for(lock, pause, [this] { return stopping_; })) {
      lock.unlock();
      LookupTablePtr next = refreshed();
      lock.lock();
      if (next) current_ = std::move(next);
    }
  }

  // Null: nothing new that is good.
  LookupTablePtr refreshed() {
    const std::string now = file_.stamp();
    if (now == seen_) return nullptr;
    auto next = file_.load();
    std::string problem = next ? misfit(*first_, **next) : next.error().message;
    if (problem.empty()) {
      seen_ = now;
      if (!std::exchange(problem_, {}).empty())
        log(LogLevel::kInfo, "lookup: " + file_.request().address + " can be read again");
      return *next;
    }
    if (problem != problem_)
      log(LogLevel::kWarn, "lookup: " + file_.request().address + " changed but keeps its old rows: " + problem);
    problem_ = std::move(problem);
    return nullptr;
  }

  const FileTable file_;
  std::string seen_, problem_;  // of the watching thread
  const LookupTablePtr first_;
  std::mutex mutex_;
  std::condition_variable wake_;
  LookupTablePtr current_;
  bool stopping_ = false;
  std::thread thread_;
};

Result<std::unique_ptr<TableFeed>> open_table(const TableRequest& request) {
  FileTable file(request);
  std::string seen = file.stamp();
  auto first = file.load();
  if (!first) return tl::unexpected(first.error());
  return std::make_unique<WatchedTable>(std::move(file), std::move(seen), std::move(*first));
}

}  // namespace

void register_tables(Registry& registry) { registry.tables(open_table); }

}  // namespace streamflow
