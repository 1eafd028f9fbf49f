// One connection to a Redis server: connects, reconnects with backoff, and drives hiredis on a Loop.
//
// What hiredis 0.14 does that shapes this class: it resolves names in the connecting call, on this thread; it
// closes its descriptor itself, so the loop lets go of it in the clean-up callback; it calls back with a null
// reply what waits when the connection ends; it has no timeouts, so they are here.
// No TLS: that needs a later hiredis than Debian 12's.
#pragma once

#include <hiredis/async.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "connectors/redis/address.h"
#include "connectors/retry.h"
#include "core/loop.h"
#include "core/node.h"

namespace streamflow::redis {

class ClientOwner {
 public:
  virtual void connected() = 0;  // logged in, database chosen
  virtual void lost() = 0;       // after `connected`
  virtual void state(ConnectorState state, const std::string& reason, Micros retry_at) = 0;

 protected:
  ~ClientOwner() = default;
};

class Client {
 public:
  static constexpr Micros kConnectMax = 5 * kMicrosPerSecond;
  // Without any answer to what was asked.
  static constexpr Micros kAnswerMax = 15 * kMicrosPerSecond;

  // Null: the connection ended before the answer.
  using Answer = std::function<void(const redisReply* reply)>;

  Client(Address address, ClientOwner& owner);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void start(Loop& loop);
  void stop();  // nothing is called back after it returns
  bool connected() const { return up_; }
  void command(const std::vector<std::string>& words, Answer answer);
  // The connection is of no use for that reason: ends it, and tries again later.
  void give_up(const std::string& reason);

 private:
  struct Driver;  // between hiredis and the loop

  void connect();
  void opened(int status);
  void log_in();
  void ended(const std::string& reason);
  void retry_later(const std::string& reason);
  void look();
  void drop();
  void report(ConnectorState state, const std::string& reason, Micros retry_at = 0);
  static void answered(redisAsyncContext* context, void* reply, void* request);

  const Address address_;
  ClientOwner& owner_;
  Loop* loop_ = nullptr;
  redisAsyncContext* context_ = nullptr;
  std::unique_ptr<Driver> driver_;
  Retry retry_;
  Loop::Id timer_ = 0;
  Loop::Id watchdog_ = 0;
  bool up_ = false;
  std::string given_up_;
  size_t asked_ = 0, answered_ = 0, answered_seen_ = 0;
};

}  // namespace streamflow::redis
