#include "connectors/file/sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "connectors/file/path.h"
#include "core/state_bytes.h"

namespace streamflow::file {
namespace {

// What trying again does not mend: these rows have no place to go.
bool is_final(int error) {
  return error == ENAMETOOLONG || error == EISDIR || error == ELOOP || error == EPIPE;
}

}  // namespace

std::string safe_name(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c == '/' || c == '\0') c = '_';
  }
  if (!out.empty() && out.front() == '.') out.front() = '_';
  return out;
}

FileSink::~FileSink() = default;

void FileSink::start(Loop& loop, SinkHost& host) {
  loop_ = &loop;
  host_ = &host;
  if (!options_.path.has_fields()) file_for(path_of({}));
  for (Restored& restored : restored_) {
    OutFile& file = file_for(restored.path);
    file.text() += restored.waiting;
    file.added(restored.rows);
  }
  restored_.clear();
  if (down_.empty()) host_->state(ConnectorState::kUp, "");
}

// --- from rows to text ---

void FileSink::write(const Batch& batch) {
  if (waiting_bytes() >= kBytesMax) {
    return host_->dropped(batch.count(), "more than 64 MiB wait for " + options_.shown);
  }
  ++batch_number_;
  if (options_.path.has_fields()) {
    write_by_path(batch);
  } else {
    OutFile& file = file_for(path_of({}));
    if (options_.csv) {
      for (size_t i = 0; i < batch.count(); ++i) add_csv_row(batch, batch.row_at(i), file);
    } else {
      append_records(batch, 0, options_.timestamps, file.text());
      file.added(batch.count());
    }
    if (file.bytes() >= kBufferBytes && file.error() == 0) write_out(file);
  }
  tell_host();
}

void FileSink::write_by_path(const Batch& batch) {
  const std::vector<ColumnPtr> columns = options_.path.columns(batch);
  RecordEncoder encoder(batch, options_.timestamps);
  std::vector<std::string> names(columns.size());
  for (size_t i = 0; i < batch.count(); ++i) {
    const uint32_t row = batch.row_at(i);
    for (size_t k = 0; k < columns.size(); ++k) {
      names[k].clear();
      if (columns[k]) append_cell_text(*columns[k], row, TimestampStyle::kRfc3339, names[k]);
    }
    OutFile& file = file_for(path_of(names));
    add_row(batch, row, encoder, file);
    if (file.bytes() >= kBufferBytes && file.error() == 0) write_out(file);
  }
}

void FileSink::add_row(const Batch& batch, uint32_t row, RecordEncoder& encoder, OutFile& file) {
  if (options_.csv) return add_csv_row(batch, row, file);
  encoder.append(row, file.text());
  file.text() += '\n';
  file.added(1);
}

void FileSink::add_csv_row(const Batch& batch, uint32_t row, OutFile& file) {
  CsvWriter& csv = *file.csv();
  std::string reason = "a record without fields has no CSV header";
  if (csv.has_names() || csv.make_header(batch, row, file.text())) {
    csv.bind(batch, batch_number_);
    if (csv.append(row, file.text(), reason)) return file.added(1);
  }
  std::string sample;
  append_record(batch, row, options_.timestamps, sample);
  host_->failed(1, reason, sample);
}

std::string FileSink::path_of(const std::vector<std::string>& names) const {
  if (options_.standard_output) return "-";
  std::string path = options_.folder;
  const std::vector<std::string>& literals = options_.path.literals();
  if (!path.empty()) path += '/';
  path += literals.front();
  for (size_t i = 0; i < names.size(); ++i) {
    path += safe_name(names[i]);
    path += literals[i + 1];
  }
  return path;
}

OutFile& FileSink::file_for(const std::string& path) {
  const auto known = by_path_.find(path);
  if (known != by_path_.end()) {
    files_.splice(files_.begin(), files_, known->second);
    return files_.front();
  }
  files_.emplace_front(path,
                       options_.csv ? std::make_unique<CsvWriter>(options_.timestamps) : nullptr);
  by_path_.emplace(path, files_.begin());
  open(files_.front());
  return files_.front();
}

// --- from text to files ---

bool FileSink::open(OutFile& file) {
  close_unused();
  const bool truncate = options_.truncate && truncated_.count(file.path()) == 0;
  const bool good = options_.standard_output ? file.open_standard_output() : file.open(truncate, continued_.erase(file.path()) > 0);
  if (!good) {
    failed(file);
  } else if (truncate) {
    truncated_.insert(file.path());
  }
  return good;
}

// Closes the files that were longest unused until one more may be open.
void FileSink::close_unused() {
  size_t open = 0;
  for (const OutFile& file : files_) open += file.is_open() ? 1 : 0;
  for (auto it = files_.end(); open >= kOpenMax && it != files_.begin();) {
    --it;
    if (!it->is_open()) continue;
    write_out(*it);
    it->close();
    --open;
    if (it->bytes() > 0) continue;  // its disk is full
    by_path_.erase(it->path());
    it = files_.erase(it);
  }
}

void FileSink::write_out(OutFile& file) {
  if (!file.is_open() && !open(file)) return;
  const OutFile::Written result = file.write();
  if (const uint64_t rows = file.take_written(); rows > 0) host_->written(rows);
  if (result == OutFile::Written::kFailed) failed(file);
  if (result == OutFile::Written::kWait) wait_for_writable(file);
}

void FileSink::write_all(bool also_failed) {
  const bool many = options_.path.has_fields();
  const OutFile* named = nullptr;
  size_t failing = 0;
  for (auto it = files_.begin(); it != files_.end();) {
    const auto file = it++;
    const bool is_due = file->error() == 0 || also_failed;
    if (is_due && (file->bytes() > 0 || (!many && !file->is_open()))) write_out(*file);
    if (many && !file->is_open() && file->bytes() == 0) {
      by_path_.erase(file->path());
      files_.erase(file);
      continue;
    }
    if (file->error() == 0) continue;
    ++failing;
    if (named == nullptr || file->path() == down_path_) named = &*file;
  }
  if (failing == 0 && !down_.empty()) {
    down_.clear();
    host_->state(ConnectorState::kUp, "");
  }
  if (failing > 0 && also_failed) say_down(*named, failing);
  if (failing > 0) try_again();
  tell_host();
}

void FileSink::flush() { write_all(false); }

void FileSink::failed(OutFile& file) {
  if (is_final(file.error())) {
    const uint64_t rows = file.discard();
    if (rows > 0) host_->failed(rows, reason_of(file), options_.path_secret ? options_.shown : file.path());
    if (options_.path.has_fields()) file.set_error(0);  // of this path only
  }
  if (file.error() == 0) return;
  if (file.error() != ENOSPC) {  // opened again at the next try
    loop_->unwatch(std::exchange(writable_, 0));
    file.close();
  }
  // Of the files that fail while others do already, the next try tells.
  if (down_.empty()) say_down(file, 1);
  try_again();
}

std::string FileSink::reason_of(const OutFile& file) const {
  if (file.error() == EPIPE) return "nobody reads it any more";
  return errno_text(file.error(), file.path(), options_.path_secret);
}

void FileSink::say_down(const OutFile& file, size_t failing) {
  std::string reason = reason_of(file);
  if (failing > 1) reason += " (and " + std::to_string(failing - 1) + " more files)";
  if (reason != down_) host_->state(ConnectorState::kDown, reason, loop_->now() + kRetry);
  down_ = std::move(reason);
  down_path_ = file.path();
}

void FileSink::try_again() {
  if (retry_ != 0) return;
  retry_ = loop_->after(kRetry, [this] {
    retry_ = 0;
    write_all(true);
  });
}

void FileSink::wait_for_writable(OutFile& file) {
  if (writable_ != 0) return;
  if (options_.path.has_fields()) return try_again();  // pipes by name: rare enough
  writable_ = loop_->watch(file.fd(), false, true, [this, &file](bool, bool) {
    write_out(file);
    if (file.bytes() == 0) loop_->unwatch(std::exchange(writable_, 0));
    tell_host();
  });
  if (writable_ == 0) try_again();
}

size_t FileSink::waiting_bytes() const {
  size_t bytes = 0;
  for (const OutFile& file : files_) bytes += file.bytes();
  return bytes;
}

void FileSink::tell_host() {
  uint64_t rows = 0;
  for (const OutFile& file : files_) rows += file.rows();
  const size_t bytes = waiting_bytes();
  if (bytes != told_bytes_) host_->queued(rows, bytes);
  told_bytes_ = bytes;
  if (bytes == 0 && drained_) std::exchange(drained_, nullptr)();
}

void FileSink::drain(std::function<void()> done) {
  drained_ = std::move(done);
  write_all(true);
}

void FileSink::stop() {
  if (loop_ == nullptr) return;
  drained_ = nullptr;
  write_all(true);
  loop_->cancel(std::exchange(retry_, 0));
  loop_->unwatch(std::exchange(writable_, 0));
  uint64_t rows = 0;
  for (OutFile& file : files_) rows += file.discard();
  if (rows > 0) host_->dropped(rows, "not written when the pipeline stopped: " + down_);
  by_path_.clear();
  files_.clear();
}

// --- checkpoints ---

void FileSink::save(std::string& out) {
  write_all(false);
  save_count(files_.size(), out);
  for (OutFile& file : files_) {
    save_text(file.path(), out);
    struct stat status {};
    const bool regular = file.is_open() && ::fstat(file.fd(), &status) == 0 && S_ISREG(status.st_mode);
    save_micros(regular ? static_cast<int64_t>(status.st_size) : -1, out);
    save_text(file.waiting(), out);
    save_count(file.rows(), out);
  }
  save_count(truncated_.size(), out);
  for (const std::string& path : truncated_) save_text(path, out);
}

Status FileSink::load(std::string_view bytes, bool exactly) {
  StateReader in(bytes);
  for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    const std::string path(in.text());
    const int64_t size = in.micros();
    const std::string waiting(in.text());
    const uint64_t rows = in.count();
    struct stat status {};
    // A file that someone shortened or took away meanwhile is left as it is.
    const bool longer = ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && size >= 0 &&
                        status.st_size > size;
    if (exactly && longer && ::truncate(path.c_str(), size) != 0)
      return fail(ErrorKind::kIo, errno_text(errno, path, options_.path_secret));
    if (waiting.empty()) continue;
    restored_.push_back({path, waiting, rows});
    if (size >= 0 && (status.st_size == size || (exactly && longer))) continued_.insert(path);
  }
  for (uint64_t left = in.count(); left > 0 && in.ok(); --left) truncated_.emplace(in.text());
  if (!in.ok()) return fail(ErrorKind::kIo, "the state of a file sink is damaged");
  return {};
}

std::vector<int> FileSink::unsynced() {
  std::vector<int> out;
  for (const OutFile& file : files_)
    if (file.is_open() && !options_.standard_output)
      if (const int copy = ::fcntl(file.fd(), F_DUPFD_CLOEXEC, 3); copy >= 0) out.push_back(copy);
  return out;
}

}  // namespace streamflow::file
