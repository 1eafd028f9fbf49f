#include "daemon/replay.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>

namespace streamflow {
namespace {

constexpr size_t kReadBytes = 256 * 1024;

std::string cannot_read(const std::string& path) {
  return "cannot read " + path + ": " + std::strerror(errno);
}

// Whole lines of a descriptor, a block at a time.
class LineFeed {
 public:
  LineFeed(int fd, std::string path, std::string& error) : fd_(fd), path_(std::move(path)), error_(error) {}
  ~LineFeed() {
    if (fd_ > 2) close(fd_);
  }
  LineFeed(const LineFeed&) = delete;
  LineFeed& operator=(const LineFeed&) = delete;

  bool next(Inlet& inlet) {
    if (ended_) return false;
    auto block = take_block();
    std::memcpy(block->data.get(), rest_.data(), rest_.size());
    size_t size = rest_.size();
    rest_.clear();
    for (;;) {
      if (size == block->capacity) {
        auto larger = std::make_shared<Block>(block->capacity * 2);
        std::memcpy(larger->data.get(), block->data.get(), size);
        block = std::move(larger);
      }
      const ssize_t got = read(fd_, block->data.get() + size, block->capacity - size);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        if (got < 0 && error_.empty()) error_ = cannot_read(path_);
        ended_ = true;
        break;
      }
      const char* data = block->data.get();
      const void* newline = memrchr(data + size, '\n', static_cast<size_t>(got));
      size += static_cast<size_t>(got);
      if (newline == nullptr) continue;
      const size_t whole = static_cast<size_t>(static_cast<const char*>(newline) - data) + 1;
      rest_.assign(data + whole, size - whole);
      size = whole;
      break;
    }
    block->size = size;
    if (size != 0) inlet.lines(block);
    return true;
  }

 private:
  // Blocks come back when no batch holds them.
  std::shared_ptr<Block> take_block() {
    const size_t needed = rest_.size() + kReadBytes;
    for (auto& block : pool_)
      if (block.use_count() == 1 && block->capacity >= needed) return block;
    auto block = std::make_shared<Block>(needed + kReadBytes / 4);
    if (pool_.size() == 4) pool_.erase(pool_.begin());
    pool_.push_back(block);
    return block;
  }

  int fd_;
  std::string path_;
  std::string& error_;
  bool ended_ = false;
  std::string rest_;
  std::vector<std::shared_ptr<Block>> pool_;
};

// The decoded records of one input that wait for their turn.
struct Queue {
  ReplayInput input;
  std::deque<Batch> batches;
  size_t at = 0;  // in the first batch's selection
  bool ended = false;

  void fill() {
    while (batches.empty() && !ended) {
      if (input.feed(input.source->inlet)) continue;
      input.source->inlet.end();
      ended = true;
    }
  }
  Micros next_time() const {
    return (*batches.front().time)[batches.front().row_at(at)];
  }
  // Sends the rows up to the first that comes after `limit` (or at it, unless `ties`).
  void run(Micros limit, bool ties) {
    Batch& batch = batches.front();
    const size_t n = batch.count();
    size_t end = at + 1;
    while (end < n) {
      const Micros time = (*batch.time)[batch.row_at(end)];
      if (time > limit || (time == limit && !ties)) break;
      ++end;
    }
    const Micros mark =
        end == n ? batch.watermark_after : (*batch.watermark)[batch.row_at(end)];
    input.source->inlet.released(end - at);
    input.source->outlet.rows(slice(batch, at, end));
    input.source->outlet.watermark(mark);
    at = end;
    if (end < n) return;
    batches.pop_front();
    at = 0;
  }
};

void end_source(Pipeline& pipeline, SourceNode& source) {
  source.has_ended = true;
  source.outlet.watermark(kTimeMax);
  pipeline.source_ended();
}

void merge(Pipeline& pipeline, SimLoop& loop, std::vector<ReplayInput> inputs) {
  std::vector<Queue> queues(inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    Queue& queue = queues[i];
    queue.input = std::move(inputs[i]);
    queue.input.source->inlet.intercept([&queue](Batch batch) {
      if (batch.count() != 0) {
        queue.batches.push_back(std::move(batch));
      } else {
        queue.input.source->outlet.watermark(batch.watermark_after);
      }
    });
  }
  for (;;) {
    size_t first = queues.size();
    for (size_t i = 0; i < queues.size(); ++i) {
      const bool open = !queues[i].ended || !queues[i].batches.empty();
      queues[i].fill();
      if (queues[i].batches.empty()) {
        if (open) end_source(pipeline, *queues[i].input.source);
        continue;
      }
      if (first == queues.size() || queues[i].next_time() < queues[first].next_time()) first = i;
    }
    if (first == queues.size()) return;
    Micros limit = kTimeMax;
    bool ties = true;
    for (size_t i = 0; i < queues.size(); ++i) {
      if (i == first || queues[i].batches.empty()) continue;
      const Micros time = queues[i].next_time();
      if (time < limit) {
        limit = time;
        ties = first < i;
      } else if (time == limit) {
        ties = ties && first < i;
      }
    }
    queues[first].run(limit, ties);
    pipeline.turn_done();
    loop.run_turn();
  }
}

}  // namespace

Result<Feed> file_feed(const std::string& path, std::string& error) {
  const int fd = path == "-" ? 0 : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(ErrorKind::kIo, cannot_read(path));
  auto lines = std::make_shared<LineFeed>(fd, path, error);
  return Feed([lines](Inlet& inlet) { return lines->next(inlet); });
}

void replay(Pipeline& pipeline, SimLoop& loop, std::vector<ReplayInput> inputs) {
  for (auto& source : pipeline.sources) {
    const bool fed = std::any_of(inputs.begin(), inputs.end(),
                                 [&](const auto& input) { return input.source == source.get(); });
    if (!fed) end_source(pipeline, *source);
  }
  if (inputs.size() > 1) return merge(pipeline, loop, std::move(inputs));
  for (ReplayInput& input : inputs) {
    while (input.feed(input.source->inlet)) {
      pipeline.turn_done();
      loop.run_turn();
    }
    input.source->inlet.end();
    end_source(pipeline, *input.source);
  }
}

}  // namespace streamflow
