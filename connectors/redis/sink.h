// Records as entries of a Redis Stream (XADD), one field for each field of the record.
//
// Rows go in groups through a script.  For exactly once each row has a number, and the script keeps, in a
// hash beside the stream and in the same cluster slot, the last number of this writer: what is sent again
// after a crash is left out.  A writer is this sink since its state was begun, so a new state folder never
// meets old numbers.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "connectors/redis/client.h"
#include "core/encode.h"
#include "core/node.h"

namespace streamflow::redis {

struct SinkOptions {
  Address address;
  Template key;
  int64_t length_max = 0;  // of a stream, about; 0: no bound
  TimestampStyle timestamps = TimestampStyle::kRfc3339;
  bool exactly_once = false;
};

class StreamSink final : public Sink, private ClientOwner {
 public:
  static constexpr size_t kGroupRows = 100;
  static constexpr size_t kGroupsMax = 16;  // asked and not answered
  static constexpr Micros kRetry = kMicrosPerSecond;

  explicit StreamSink(SinkOptions options) : options_(std::move(options)), client_(options_.address, *this) {}

  void start(Loop& loop, SinkHost& host) override;
  void write(const Batch& batch) override;
  void flush() override;
  void drain(std::function<void()> done) override;
  void stop() override;
  // The writer's name, the next number, and the rows that the server has not confirmed.
  void save(std::string& out) override;
  Status load(std::string_view bytes, bool exactly) override;

 private:
  struct Row {
    uint64_t number = 0;
    std::string key;
    std::string text;  // as JSON
    size_t bytes() const { return key.size() + text.size() + sizeof(Row); }
  };
  using Group = std::deque<Row>;  // of one key

  void connected() override;
  void lost() override;
  void state(ConnectorState state, const std::string& reason, Micros retry_at) override;

  void load_script();
  void pump();
  Group next_group();
  void send(Group group);
  void answered(size_t id, const redisReply* reply);
  void fail_group(const Group& group, std::string_view reason);
  void take_back();
  void tell_host();

  SinkOptions options_;
  Client client_;
  Loop* loop_ = nullptr;
  SinkHost* host_ = nullptr;
  std::string writer_;
  std::string script_;  // its SHA1; empty: not loaded
  uint64_t next_number_ = 0;
  std::deque<Row> waiting_;
  std::deque<std::pair<size_t, Group>> asked_;  // by id, in order
  size_t next_id_ = 0;
  size_t bytes_ = 0;
  uint64_t rows_ = 0;
  size_t told_bytes_ = 0;
  Loop::Id retry_ = 0;
  std::function<void()> drained_;
};

}  // namespace streamflow::redis
