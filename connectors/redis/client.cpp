#include "connectors/redis/client.h"

#include <functional>
#include <utility>

namespace streamflow::redis {

// hiredis says what it waits for; the loop says when it is there.
struct Client::Driver {
  Client& client;
  redisAsyncContext* context;
  Loop& loop;
  Loop::Id watch = 0;
  bool read = false, write = false;

  Driver(Client& its_client, redisAsyncContext* its_context, Loop& its_loop)
      : client(its_client), context(its_context), loop(its_loop) {
    context->ev.data = this;
    context->ev.addRead = [](void* self) { of(self).want(true, of(self).write); };
    context->ev.delRead = [](void* self) { of(self).want(false, of(self).write); };
    context->ev.addWrite = [](void* self) { of(self).want(of(self).read, true); };
    context->ev.delWrite = [](void* self) { of(self).want(of(self).read, false); };
    context->ev.cleanup = [](void* self) { of(self).let_go(); };
    watch = loop.watch(context->c.fd, false, false, [this](bool r, bool w) { ready(r, w); });
  }
  ~Driver() {
    // Freed within one of its own callbacks, hiredis still uses the context when that returns.
    if (!gone) context->ev = {};
    let_go();
  }

  static Driver& of(void* self) { return *static_cast<Driver*>(self); }
  void want(bool r, bool w) {
    read = r, write = w;
    if (watch != 0) loop.rewatch(watch, read, write);
  }
  void let_go() {
    loop.unwatch(std::exchange(watch, 0));
    gone = true;
    context = nullptr;
  }
  void ready(bool r, bool w) {
    const auto alive = std::weak_ptr<bool>(alive_);
    if (r && !gone) redisAsyncHandleRead(context);
    if (alive.expired()) return;
    if (w && !gone) redisAsyncHandleWrite(context);
  }
  bool gone = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

Client::Client(Address address, ClientOwner& owner)
    : address_(std::move(address)), owner_(owner), retry_(std::hash<std::string>()(address_.shown())) {}

Client::~Client() { stop(); }

void Client::start(Loop& loop) {
  loop_ = &loop;
  report(ConnectorState::kConnecting, "");
  connect();
}

void Client::stop() {
  if (loop_ == nullptr) return;
  loop_->cancel(std::exchange(timer_, 0));
  loop_->cancel(std::exchange(watchdog_, 0));
  drop();
  loop_ = nullptr;
}

void Client::report(ConnectorState state, const std::string& reason, Micros retry_at) {
  owner_.state(state, reason, retry_at);
}

void Client::connect() {
  given_up_.clear();
  context_ = redisAsyncConnect(address_.host.c_str(), address_.port);
  if (context_ == nullptr) return retry_later("out of memory");
  if (context_->err != 0) {
    const std::string reason = context_->errstr;
    redisAsyncFree(std::exchange(context_, nullptr));
    return retry_later(reason);
  }
  context_->data = this;
  driver_ = std::make_unique<Driver>(*this, context_, *loop_);
  redisAsyncSetConnectCallback(context_, [](const redisAsyncContext* context, int status) {
    if (auto* self = static_cast<Client*>(context->data)) self->opened(status);
  });
  redisAsyncSetDisconnectCallback(context_, [](const redisAsyncContext* context, int) {
    auto* self = static_cast<Client*>(context->data);
    if (self == nullptr) return;
    const std::string reason = context->err != 0 && context->errstr[0] != 0 ? context->errstr : "the server closed the connection";
    self->context_ = nullptr;
    self->ended(reason);
  });
  timer_ = loop_->after(kConnectMax, [this] {
    timer_ = 0;
    give_up("no answer");
  });
}

void Client::opened(int status) {
  if (status != REDIS_OK) {  // hiredis frees the context
    const std::string reason = context_->errstr;
    context_->data = nullptr;
    context_ = nullptr;
    return ended(reason);
  }
  log_in();
}

void Client::log_in() {
  const auto check = [this](const redisReply* reply) {
    if (reply != nullptr && reply->type == REDIS_REPLY_ERROR) give_up(std::string(reply->str, reply->len));
  };
  if (!address_.password.empty()) {
    std::vector<std::string> words = {"AUTH"};
    if (!address_.user.empty()) words.push_back(address_.user);
    words.push_back(address_.password);
    command(words, check);
  }
  if (address_.database != 0) command({"SELECT", std::to_string(address_.database)}, check);
  command({"PING"}, [this](const redisReply* reply) {
    if (reply == nullptr || !given_up_.empty()) return;
    if (reply->type == REDIS_REPLY_ERROR) return give_up(std::string(reply->str, reply->len));
    loop_->cancel(std::exchange(timer_, 0));
    retry_.reset();
    up_ = true;
    report(ConnectorState::kUp, "");
    asked_ = answered_ = answered_seen_ = 0;
    watchdog_ = loop_->after(kAnswerMax, [this] { look(); });
    owner_.connected();
  });
}

// A server that has not answered anything for a while is as good as gone.
void Client::look() {
  watchdog_ = loop_->after(kAnswerMax, [this] { look(); });
  const bool stuck = asked_ > answered_ && answered_ == answered_seen_;
  answered_seen_ = answered_;
  if (stuck) give_up("no answer");
}

void Client::command(const std::vector<std::string>& words, Answer answer) {
  if (context_ == nullptr) return answer(nullptr);
  std::vector<const char*> texts;
  std::vector<size_t> sizes;
  for (const std::string& word : words) {
    texts.push_back(word.data());
    sizes.push_back(word.size());
  }
  auto* request = new Answer(std::move(answer));
  ++asked_;
  if (redisAsyncCommandArgv(context_, answered, request, static_cast<int>(words.size()), texts.data(),
                            sizes.data()) != REDIS_OK) {
    const std::unique_ptr<Answer> owned(request);
    (*owned)(nullptr);
  }
}

void Client::answered(redisAsyncContext* context, void* reply, void* request) {
  const std::unique_ptr<Answer> answer(static_cast<Answer*>(request));
  auto* self = static_cast<Client*>(context->data);
  if (self == nullptr) return;  // stopped
  ++self->answered_;
  (*answer)(static_cast<const redisReply*>(reply));
}

void Client::give_up(const std::string& reason) {
  if (!given_up_.empty() || context_ == nullptr) return;
  given_up_ = reason;
  // Not from within hiredis: it frees what it is working on.
  loop_->cancel(std::exchange(timer_, 0));
  timer_ = loop_->after(0, [this] {
    timer_ = 0;
    const std::string why = given_up_;
    drop();
    ended(why);
  });
}

// Ends the connection without being told of it.
void Client::drop() {
  redisAsyncContext* context = std::exchange(context_, nullptr);
  if (context == nullptr) return driver_.reset();
  context->data = nullptr;
  redisAsyncFree(context);  // lets go of the driver's watch
  driver_.reset();
}

void Client::ended(const std::string& reason) {
  loop_->cancel(std::exchange(timer_, 0));
  loop_->cancel(std::exchange(watchdog_, 0));
  const bool was_up = std::exchange(up_, false);
  if (was_up) owner_.lost();
  retry_later(given_up_.empty() ? reason : given_up_);
}

void Client::retry_later(const std::string& reason) {
  const Micros wait = retry_.next();
  report(ConnectorState::kDown, reason, loop_->now() + wait);
  timer_ = loop_->after(wait, [this] {
    timer_ = 0;
    driver_.reset();
    connect();
  });
}

}  // namespace streamflow::redis
