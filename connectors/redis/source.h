// Entries of a Redis Stream as input, read by a consumer group, so that several daemons can share a stream.
//
// Acknowledgement: XACK is sent when no crash can lose the entries (SourceHost::when_durable).  After a
// start this consumer's unacknowledged entries are read first; those that the input log has are
// acknowledged and not handed over twice.  Entries of consumers that are gone are claimed after
// kClaimIdle.  Spec: redis.io/docs/latest/develop/data-types/streams.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "connectors/redis/client.h"
#include "core/node.h"

namespace streamflow::redis {

struct SourceOptions {
  Address address;
  std::string group, consumer;
  bool from_start = false;  // a new group gets the entries that are there
};

class StreamSource final : public Source, private ClientOwner {
 public:
  static constexpr std::string_view kMeta[] = {"id", "key"};
  static constexpr size_t kBatch = 1000;                         // entries a read
  static constexpr Micros kBlock = 2 * kMicrosPerSecond;         // how long a read waits for entries
  static constexpr Micros kClaimEvery = 30 * kMicrosPerSecond;
  static constexpr Micros kClaimIdle = 60 * kMicrosPerSecond;
  static constexpr size_t kRememberedMax = 4 * kBatch;

  explicit StreamSource(SourceOptions options) : options_(std::move(options)), client_(options_.address, *this) {}

  void start(Loop& loop, SourceHost& host) override;
  void pause() override;
  void resume() override;
  bool detach() override;
  void stop() override;
  // The ids handed over last.
  std::string position() const override;
  void restore(std::string_view position) override;
  void replayed(std::string_view ident) override;

 private:
  void connected() override;
  void lost() override;
  void state(ConnectorState state, const std::string& reason, Micros retry_at) override;

  void begin();
  void read();
  void take_read(const redisReply* reply);
  void take_claimed(const redisReply* reply);
  void take_entries(const redisReply* entries);
  void take_entry(const redisReply* entry, std::vector<std::string>& ids);
  void acknowledge(std::vector<std::string> ids);
  void remember(std::string id);

  SourceOptions options_;
  Client client_;
  Loop* loop_ = nullptr;
  SourceHost* host_ = nullptr;
  bool paused_ = false;
  bool reading_ = false;
  bool detached_ = false;
  bool missed_ = false;         // entries came while there was no host
  std::string pending_after_;   // own unacknowledged entries are read from here on; empty: done with them
  Micros claimed_at_ = 0;
  bool wants_id_ = false, wants_key_ = false;
  std::set<std::string> seen_;
  std::deque<std::string> seen_order_;
  std::string json_;
  std::vector<Value> meta_;
};

}  // namespace streamflow::redis
