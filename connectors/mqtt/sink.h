// Records as messages to a broker: one each, on a topic that may hold fields of the record
// (`alerts/{device}`), in order, also through an outage.
//
// A row is written when the broker confirms it (QoS 1 and 2), or when it is in the socket (QoS 0).
// Until then it is in the queue, whose size the host is told and answers with backpressure: the
// sink itself drops nothing before `stop`.  At most Client::kInFlightMax messages, and
// kInFlightBytesMax bytes beyond the first, are with the library; after a reconnect it sends again,
// first and in order, what was not confirmed, so at QoS 1 a message may arrive twice.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "connectors/mqtt/client.h"
#include "core/encode.h"
#include "core/node.h"

namespace streamflow::mqtt {

struct SinkOptions {
  ClientOptions client;  // clean; client_id empty: a new one
  Template topic;
  bool topic_hidden = false;  // it holds a secret: not in samples of failed rows
  std::string value;  // the field that is the payload; empty: the record as JSON
  int qos = 1;
  bool retain = false;
  TimestampStyle timestamps = TimestampStyle::kRfc3339;
  // Each message has an id (`_sf_id`) that stays the same when it is sent again, for receivers that leave out
  // what they know: writer and number, where a writer is this sink since its state was begun.
  bool record_ids = false;
};

class MqttSink final : public Sink, private ClientOwner {
 public:
  static constexpr size_t kInFlightBytesMax = size_t{4} << 20;

  explicit MqttSink(SinkOptions options);

  void start(Loop& loop, SinkHost& host) override;
  void write(const Batch& batch) override;
  void flush() override;
  void drain(std::function<void()> done) override;
  void stop() override;
  // What the broker has not confirmed; it is sent again.
  void save(std::string& out) override;
  Status load(std::string_view bytes, bool exactly) override;

 private:
  struct Row {
    std::string topic;
    std::string payload;
    size_t bytes = 0;     // of both
    int id = 0;           // once with the library
    uint64_t number = 0;
    bool done = false;    // confirmed, or refused
  };

  void connected(bool session_present) override;
  void published(int id, int reason) override;
  void turn() override;
  void writable() override;
  void lost() override;
  void state(ConnectorState state, const std::string& reason, Micros retry_at) override;

  void queue_row(const Batch& batch, uint32_t row, const std::vector<ColumnPtr>& fields,
                 const Column* value);
  // Empty: filled in; else why it cannot be.
  std::string fill_topic(uint32_t row, const std::vector<ColumnPtr>& fields,
                         std::string& out) const;
  void pump();
  bool fill_library();
  bool hand_to_library(Row& row);
  void fail_row(const Row& row, std::string_view reason);
  void tell_host();

  SinkOptions options_;
  std::string writer_;
  uint64_t next_number_ = 0;
  std::unique_ptr<Client> client_;
  SinkHost* host_ = nullptr;
  std::deque<Row> in_flight_;  // with the library, in order
  std::deque<Row> waiting_;
  size_t in_flight_bytes_ = 0;
  size_t unconfirmed_ = 0;  // of in_flight_
  size_t waiting_bytes_ = 0;
  uint64_t written_ = 0;  // not yet told
  uint64_t told_rows_ = 0;
  size_t told_bytes_ = 0;
  bool pumping_ = false;
  std::function<void()> drained_;
};

}  // namespace streamflow::mqtt
