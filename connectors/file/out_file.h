// One file of a file sink: what waits to be written, and where it goes.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "connectors/file/csv_writer.h"

namespace streamflow::file {

class OutFile {
 public:
  enum class Written : unsigned char {
    kAll,
    kWait,    // a pipe or terminal takes no more now
    kFailed,  // see error(); nothing is lost
  };

  // `csv`: null for NDJSON.
  OutFile(std::string path, std::unique_ptr<CsvWriter> csv)
      : path_(std::move(path)), csv_(std::move(csv)) {}
  ~OutFile() { close(); }
  OutFile(const OutFile&) = delete;
  OutFile& operator=(const OutFile&) = delete;

  // Whether it is open now.  A CSV file that is continued gives its header; one whose last line lacks its
  // line break gets one, so that what is added is a line of its own; `in_line`: what is added goes on there.
  bool open(bool truncate, bool in_line = false);
  bool open_standard_output();
  void close();
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  const std::string& path() const { return path_; }

  std::string& text() { return text_; }  // append to it, then call `added`
  CsvWriter* csv() { return csv_.get(); }
  void added(uint64_t rows);
  uint64_t rows() const { return rows_; }
  size_t bytes() const { return text_.size() - done_; }
  std::string_view waiting() const { return std::string_view(text_).substr(done_); }

  Written write();
  int error() const { return error_; }  // of the last open or write; 0: none
  void set_error(int error) { error_ = error; }
  // Rows that are wholly in the file since the last call.
  uint64_t take_written() { return std::exchange(written_, 0); }
  // Gives up on what waits; how many rows that were.
  uint64_t discard();

 private:
  struct Chunk {
    uint64_t rows;
    size_t end;  // in text_
  };
  bool check_opened(struct stat& status);
  bool end_last_line(const struct stat& status);
  void advance(size_t bytes);

  std::string path_;
  std::unique_ptr<CsvWriter> csv_;
  int fd_ = -1;
  int saved_flags_ = -1;  // of standard output: the loop makes it non-blocking
  bool may_block_ = false;
  int error_ = 0;
  std::string text_;
  size_t done_ = 0;  // of text_
  bool in_line_ = false;  // the last write ended inside a line of ours
  std::deque<Chunk> chunks_;
  uint64_t rows_ = 0;  // of chunks_
  uint64_t written_ = 0;
};

}  // namespace streamflow::file
