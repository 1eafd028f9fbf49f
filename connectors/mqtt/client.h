// One connection to a broker: connects, reconnects with backoff, and drives libmosquitto 2.0 on a
// Loop. The source and the sink each own one, on the loop's thread.
//
// What libmosquitto does that shapes this class:
//  - It queues the PUBACK of a QoS 1 message before it calls us.  In threaded mode the packet is
//  not
//    written until mosquitto_loop_write, so everything read in one go is `held`: the owner gets
//    `turn`, hands the records over, and calls `release`; only then do acknowledgements leave.  The
//    owner may release later (at most a quarter of the keepalive): until then nothing is read.
//  - It closes its descriptor inside its calls.  The loop watches a dup, closed here when it has.
//  - `errno == EAGAIN` after a read does not mean "drained" (its wake-up pipe fills up): a batch
//  ends
//    when a call brought no message.
//  - Connecting resolves names, which may take seconds: that one call runs on a thread of its own
//    while the loop leaves the handle alone.  Nobody waits for that thread; it owns the handle with
//    us.
//  - Of a name's addresses a non-blocking connect tries only the first, so a refused attempt is
//    repeated at once over the other family.
//  - In TLS a peer that goes away during the handshake is not noticed; we look ourselves.
// Memory: libmosquitto allocates a message whole before we see it, whatever its size.
#pragma once

#include <mosquitto.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "connectors/mqtt/address.h"
#include "connectors/retry.h"
#include "core/loop.h"
#include "core/node.h"

namespace streamflow::mqtt {

enum class Version : unsigned char {
  kAuto,  // MQTT 5, or 3.1.1 once a broker has refused 5
  k5,
  k311,
};

enum class Family : unsigned char { kAny, kIpv4, kIpv6 };

struct ClientOptions {
  Address address;  // with the credentials to use
  std::string client_id;
  bool clean = false;             // no session is kept at the broker
  uint32_t session_expiry_s = 0;  // MQTT 5, where not clean
  int keepalive_s = 30;           // 5 to 65535
  Version version = Version::kAuto;
  std::string ca, certificate, key;  // files; no `ca`: the system's
  bool insecure = false;             // any certificate will do
  int send_maximum = 1000;           // publications on their way and not confirmed
};

// What a connection means to its owner.  `connected`, `message`, `subscribed` and `published` are
// called inside libmosquitto's callbacks: subscribing is allowed there, publishing and anything that
// writes is not.  `state` comes from inside them too where `up` is called there, else from the loop.
class ClientOwner {
 public:
  virtual void connected(bool session_present) = 0;
  virtual void message(const mosquitto_message& message) { (void)message; }
  virtual void subscribed(int id, std::span<const int> granted) { (void)id, (void)granted; }
  // Confirmed by the broker (QoS 0: written to the socket); `reason` from 128 is a refusal.
  virtual void published(int id, int reason) { (void)id, (void)reason; }
  // End of a read.  Must lead to a call of `release`, now or later.
  virtual void turn() = 0;
  // The socket took what had been waiting for it.
  virtual void writable() {}
  // The connection that `connected` announced is gone.
  virtual void lost() = 0;
  virtual void state(ConnectorState state, const std::string& reason, Micros retry_at) = 0;

 protected:
  ~ClientOwner() = default;
};

class Client {
 public:
  // What is read before the owner gets its turn.
  static constexpr size_t kBatchMessagesMax = 1000;
  static constexpr size_t kBatchBytesMax = size_t{1} << 20;
  // For TCP to connect, and from then on for TLS and the broker's answer.
  static constexpr Micros kConnectMax = 5 * kMicrosPerSecond;
  static constexpr Micros kAnswerMax = 10 * kMicrosPerSecond;
  // How often the keepalive is looked at; its resolution is one second.
  static constexpr Micros kMiscEvery = kMicrosPerSecond;
  // A connection that lived this long was no accident: the waits after it are short again.  A peer
  // that takes everybody and drops them at once is not asked ten times a second for ever.
  static constexpr Micros kSteadyAfter = 5 * kMicrosPerSecond;
  // Published and not confirmed: libmosquitto keeps a copy of each.
  static constexpr int kInFlightMax = 1000;

  Client(ClientOptions options, ClientOwner& owner);
  ~Client();  // without a goodbye, as in a crash, unless `stop` was called
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void start(Loop& loop);
  void stop();        // says goodbye; nothing is called back after it returns
  void disconnect();  // the same, but `connect` may follow; the session stays at the broker
  void connect();     // no-op while connected or trying
  // Owner: what it needs is in place.  Reports kUp.
  void up(const std::string& remark = {});
  void repeat_state();  // to an owner that did not hear the last one
  void pause_state(const std::string& reason);  // owner, after `disconnect`: why it did
  // Owner, in a callback: this connection is of no use for that reason; try again later.
  void give_up(const std::string& reason);

  // Never true once the library has closed its descriptor: it would keep what is published then,
  // and say that it failed.
  bool connected() const { return phase_ == Phase::kUp && mosquitto_socket(handle_) >= 0; }
  bool idle() const { return phase_ == Phase::kIdle && retry_timer_ == 0; }
  bool speaks_5() const { return speaking_5_; }

  // While connected.  Ids as in `subscribed` and `published`; 0: it failed.
  int subscribe(const std::string& filter, int qos, int options_5);
  void unsubscribe(const std::string& filter);
  // MOSQ_ERR_SUCCESS: `id` will be reported by `published`.
  // `record_id`, where it is not empty: sent beside it as a user property, which MQTT 3.1.1 does not have.
  int publish(int& id, const std::string& topic, std::string_view payload, int qos, bool retain,
              const std::string& record_id);

  void release();  // lets acknowledgements and all else out, and reads on
  void flush();    // writes what is queued, unless held
  void hold_reading(bool hold);

 private:
  enum class Phase : unsigned char {
    kIdle,       // not connected, not trying (retry_timer_: waiting to)
    kResolving,  // the helper thread has the handle
    kOpening,    // TCP
    kHandshake,  // TLS, CONNECT sent
    kUp,         // CONNACK received
  };
  enum class Ended : unsigned char { kClosed, kSilent, kTls, kNoAddress };
  struct Link;

  void make_handle();
  bool set_up_tls();
  void set_version();
  void open();
  void open_on_thread();
  void opened(int code, int error);
  void answer_late();
  void ready(bool readable, bool writable);
  bool finish_opening();
  void read();
  bool more_to_read() const;
  bool peer_left() const;
  void write();
  void misc();
  void watch_for();
  // After each library call: false when the connection is gone and was dealt with.
  bool still_open(int code, int error);
  void closed(const std::string& reason, Ended how = Ended::kClosed);
  bool take_other_version(Ended how);
  void try_other_family(const std::string& reason, Ended how);
  void give_up_now(const std::string& reason);
  void drop_descriptor();
  void retry_later(const std::string& reason);
  void report(ConnectorState state, const std::string& reason, Micros retry_at = 0);
  void set_callbacks();
  void on_connack(int code, int flags);

  ClientOptions options_;
  ClientOwner& owner_;
  Loop* loop_ = nullptr;
  std::shared_ptr<Link> link_;
  mosquitto* handle_ = nullptr;  // link_'s
  Phase phase_ = Phase::kIdle;
  int descriptor_ = -1;  // a dup of the library's
  Loop::Id watch_ = 0;
  Loop::Id retry_timer_ = 0;
  Loop::Id answer_timer_ = 0;
  Loop::Id misc_timer_ = 0;
  Loop::Id again_timer_ = 0;
  Loop::Id steady_timer_ = 0;
  Retry retry_;
  bool speaking_5_ = true;
  bool version_known_ = false;    // a broker took it
  Family family_ = Family::kAny;  // of this attempt
  bool other_family_ = false;     // this attempt is the second of its round
  bool numeric_host_ = false;
  bool held_ = false;
  bool reading_held_ = false;
  bool read_again_ = false;
  bool leaving_ = false;      // by our own will: no retry
  std::string first_reason_;  // why the first attempt of this round failed, and how
  Ended first_ended_ = Ended::kClosed;
  std::string refusal_;   // by CONNACK or DISCONNECT
  std::string given_up_;  // by the owner, not yet acted on
  bool version_refused_ = false;
  size_t batch_messages_ = 0;
  size_t batch_bytes_ = 0;
  std::optional<ConnectorState> reported_;
  std::string reported_reason_;
};

}  // namespace streamflow::mqtt
