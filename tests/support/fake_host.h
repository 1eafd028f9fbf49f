// Hosts that note what a source or sink tells them, and a folder that goes away again.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/node.h"

namespace streamflow::test {

class FakeSourceHost : public SourceHost {
 public:
  void message(std::string_view payload, std::span<const std::string_view>,
               std::span<const Value>) override {
    messages.emplace_back(payload);
  }
  void lines(BlockPtr block) override {
    text += block->view();
    addresses.push_back(block->data.get());
    if (keep_blocks) blocks.push_back(block);
    if (on_lines) on_lines();
  }
  void flush() override { ++flushes; }
  bool wants_meta(std::string_view) const override { return false; }
  void state(ConnectorState state, std::string reason, Micros retry) override {
    states.emplace_back(state, std::move(reason));
    retry_at = retry;
  }
  void ended() override { ++ends; }
  void complain(std::string_view what) override { complaints.emplace_back(what); }
  void reject(std::string_view sample, std::string_view reason) override {
    samples.emplace_back(sample);
    rejections.emplace_back(reason);
  }

  ConnectorState last_state() const { return states.back().first; }
  const std::string& last_reason() const { return states.back().second; }

  std::string text;  // of all lines
  std::vector<const char*> addresses;
  std::vector<BlockPtr> blocks;
  bool keep_blocks = false;
  std::function<void()> on_lines;
  std::vector<std::string> messages;
  std::vector<std::pair<ConnectorState, std::string>> states;
  Micros retry_at = 0;
  std::vector<std::string> complaints, rejections, samples;
  int flushes = 0;
  int ends = 0;
};

class FakeSinkHost : public SinkHost {
 public:
  void state(ConnectorState state, std::string reason, Micros) override {
    states.emplace_back(state, std::move(reason));
  }
  void written(uint64_t rows) override { written_rows += rows; }
  void failed(uint64_t rows, std::string_view reason, std::string_view sample) override {
    failed_rows += rows;
    reasons.emplace_back(reason);
    samples.emplace_back(sample);
  }
  void dropped(uint64_t rows, std::string_view reason) override {
    dropped_rows += rows;
    reasons.emplace_back(reason);
  }
  void queued(uint64_t rows, size_t bytes) override {
    queued_rows = rows;
    queued_bytes = bytes;
  }

  ConnectorState last_state() const { return states.back().first; }
  const std::string& last_reason() const { return states.back().second; }

  std::vector<std::pair<ConnectorState, std::string>> states;
  uint64_t written_rows = 0, failed_rows = 0, dropped_rows = 0, queued_rows = 0;
  size_t queued_bytes = 0;
  std::vector<std::string> reasons, samples;
};

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "streamflow-XXXXXX").string();
    if (::mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + '/' + std::string(name); }

 private:
  std::string path_;
};

inline void put_file(const std::string& path, std::string_view text, bool append = false) {
  std::ofstream file(path, append ? std::ios::app | std::ios::binary : std::ios::binary);
  file << text;
}

inline std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace streamflow::test
