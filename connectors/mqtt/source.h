// Messages of a broker as input.  Subscribes at QoS 1 in a persistent session by default, so that
// the broker keeps what is published while we are away, restarted or paused.
//
// Acknowledgement: what one read brings goes to the host, and only when no crash can lose it do the
// PUBACKs leave.  A process that dies before gets the messages again.  (Without an input log that
// is the end of the turn, and what the pipeline itself holds dies with it.)  QoS 2 is
// acknowledged by libmosquitto before we see the message: a crash between loses it, so QoS 1 is the
// safer choice.
//
// Duplicates: when a connection is lost the broker sends again what it saw no PUBACK for, first of
// all and in order.  While the messages of a resumed session equal, id and content, ones that this
// process already handed over, they are acknowledged and not handed over twice.
//
// Backpressure: `pause` stops reading; after a quarter of the keepalive it becomes a disconnect
// with the session kept at the broker, and `resume` connects again.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "connectors/mqtt/client.h"
#include "connectors/mqtt/topic.h"
#include "core/node.h"

namespace streamflow::mqtt {

struct SourceOptions {
  ClientOptions client;               // client_id empty: kept in the state folder, or derived
  std::vector<TopicFilter> filters;   // each with the same captures, in any order
  std::vector<std::string> captures;  // their names, in the order of SourceHost::message
  int qos = 1;
  bool retained = true;          // whether retained messages count
  size_t message_bytes_max = 0;  // larger ones are complained about and skipped
  std::string pipeline, node;    // whose client id it is
  std::string state_dir;         // may be empty
};

class MqttSource final : public Source, private ClientOwner {
 public:
  // The names of the meta fields, in the order of SourceHost::message.
  static constexpr std::string_view kMeta[] = {"topic", "qos", "retain"};
  // Messages remembered of the connection before, to recognise those that are sent again.
  static constexpr size_t kRememberedMax = 1000;

  explicit MqttSource(SourceOptions options);

  void start(Loop& loop, SourceHost& host) override;
  void pause() override;
  void resume() override;
  bool can_wait() const override { return false; }
  bool detach() override;
  void stop() override;
  // What came last, to recognise it when it is sent again.
  std::string position() const override;
  void restore(std::string_view position) override;
  void replayed(std::string_view ident) override;

 private:
  struct Seen {
    int id = 0;
    uint64_t hash = 0;
  };

  static void append_seen(const Seen& seen, std::string& out);

  void connected(bool session_present) override;
  void message(const mosquitto_message& message) override;
  void subscribed(int id, std::span<const int> granted) override;
  void turn() override;
  void lost() override;
  void state(ConnectorState state, const std::string& reason, Micros retry_at) override;

  void go_on();
  void complain(const std::string& text);
  void restore_session();
  void keep_session();
  void subscribe_all();
  void all_subscribed();
  bool seen_before(const mosquitto_message& message);
  bool wants(const std::string& filter) const;
  // Whether a filter matches; if so the captures are at hand.
  bool capture(std::string_view topic);
  void hand_over(const mosquitto_message& message, std::string_view topic);
  void leave_while_paused();
  Micros hold_max() const { return options_.client.keepalive_s * kMicrosPerSecond / 4; }

  SourceOptions options_;
  std::unique_ptr<Client> client_;
  Loop* loop_ = nullptr;
  SourceHost* host_ = nullptr;
  std::string session_path_;                  // empty: no state folder
  std::vector<std::string> session_filters_;  // that the kept session subscribes to
  bool subscribed_ = false;                   // in the session, by this process
  std::map<int, size_t> subscribing_;         // id of the SUBSCRIBE -> filter
  std::vector<std::string> refused_;          // in words
  // For each filter, where its captures go.
  std::vector<std::vector<size_t>> capture_order_;
  std::vector<std::string_view> captured_, ordered_;
  std::vector<Value> meta_;
  bool wants_[3] = {};
  bool paused_ = false;
  bool away_ = false;  // disconnected because paused
  Loop::Id pause_timer_ = 0;
  std::deque<Seen> seen_;                    // of this connection, QoS 1
  std::unordered_map<int, uint64_t> again_;  // of those before: may be sent again
  bool resuming_ = false;
  uint64_t turns_ = 0;
  bool confirms_ = false;  // a message of this turn waits for its acknowledgement
  std::string ident_;
  bool may_stray_ = false;  // the kept session had filters that we do not
};

}  // namespace streamflow::mqtt
