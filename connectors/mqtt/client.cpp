#include "connectors/mqtt/client.h"

#include <mqtt_protocol.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <mutex>
#include <utility>

#include "connectors/mqtt/client_link.h"
#include "connectors/mqtt/reasons.h"

namespace streamflow::mqtt {
namespace {

void init_library() {
  static std::once_flag once;
  std::call_once(once, [] { mosquitto_lib_init(); });
}

}  // namespace

Client::Client(ClientOptions options, ClientOwner& owner)
    : options_(std::move(options)),
      owner_(owner),
      retry_(std::hash<std::string>{}(options_.client_id)),
      speaking_5_(options_.version != Version::k311),
      version_known_(options_.version != Version::kAuto),
      numeric_host_(is_numeric_host(options_.address.host)) {
  init_library();
}

Client::~Client() {
  if (loop_ != nullptr) {
    loop_->cancel(retry_timer_);
    drop_descriptor();
  }
  if (!link_) return;
  link_->client = nullptr;
  const std::lock_guard lock(link_->mutex);
  link_->loop = nullptr;
}

void Client::start(Loop& loop) {
  loop_ = &loop;
  make_handle();
  report(ConnectorState::kConnecting, "");
  connect();
}

void Client::stop() {
  disconnect();
  if (link_) {
    link_->client = nullptr;
    const std::lock_guard lock(link_->mutex);
    link_->loop = nullptr;
  }
  link_.reset();
  handle_ = nullptr;
  loop_ = nullptr;
}

void Client::disconnect() {
  if (loop_ == nullptr) return;
  loop_->cancel(std::exchange(retry_timer_, 0));
  leaving_ = true;
  reported_.reset();
  if (phase_ == Phase::kUp) {
    // Behind what is queued, acknowledgements of records handed over included.
    mosquitto_disconnect_v5(handle_, 0, nullptr);
    held_ = false;
    mosquitto_loop_write(handle_, 1);
  }
  const bool was_up = phase_ == Phase::kUp;
  drop_descriptor();
  if (phase_ == Phase::kResolving) {
    // The thread ends the old handle; a later `connect` makes a new one.
    link_->client = nullptr;
    {
      const std::lock_guard lock(link_->mutex);
      link_->loop = nullptr;
    }
    link_.reset();
    handle_ = nullptr;
  }
  phase_ = Phase::kIdle;
  if (was_up) owner_.lost();
}

void Client::connect() {
  if (loop_ == nullptr || !idle()) return;
  leaving_ = false;
  retry_.reset();
  other_family_ = false;
  open();
}

void Client::ready(bool readable, bool writable) {
  if (phase_ == Phase::kOpening && !finish_opening()) return;
  if (phase_ != Phase::kHandshake && phase_ != Phase::kUp) return;
  // During the TLS handshake only reading moves it on, whatever OpenSSL waits for.
  const bool may_read = readable || phase_ == Phase::kHandshake;
  if (may_read && !held_ && !reading_held_) read();
  if (!writable || (phase_ != Phase::kHandshake && phase_ != Phase::kUp)) return;
  flush();
  if (phase_ == Phase::kUp && !held_) owner_.writable();
}

// Reads one batch and gives the owner its turn.
void Client::read() {
  batch_messages_ = 0;
  batch_bytes_ = 0;
  held_ = true;
  int code = MOSQ_ERR_SUCCESS;
  int error = 0;
  for (size_t calls = 0; calls < kBatchMessagesMax; ++calls) {
    const size_t before = batch_messages_;
    code = mosquitto_loop_read(handle_, 1);
    error = errno;
    if (code != MOSQ_ERR_SUCCESS || mosquitto_socket(handle_) < 0) break;
    if (batch_messages_ >= kBatchMessagesMax || batch_bytes_ >= kBatchBytesMax) break;
    if (batch_messages_ == before && !more_to_read()) break;
  }
  // OpenSSL may hold decrypted packets that the descriptor does not show.  Reading stops with some
  // left only where packets were answered or handed over: look again next turn.
  read_again_ = options_.address.tls && (batch_messages_ > 0 || mosquitto_want_write(handle_)) &&
                mosquitto_socket(handle_) >= 0;
  if (phase_ == Phase::kHandshake && code == MOSQ_ERR_SUCCESS && mosquitto_socket(handle_) >= 0 &&
      peer_left()) {
    return closed("the broker closed the connection before it answered");
  }
  if (phase_ == Phase::kUp) {
    owner_.turn();  // may release, disconnect or stop
  } else {
    held_ = false;
    if (mosquitto_socket(handle_) >= 0) write();
  }
  if (phase_ == Phase::kIdle || handle_ == nullptr) return;
  if (!given_up_.empty()) return closed(std::exchange(given_up_, {}));
  if (still_open(code, error)) watch_for();
}

bool Client::more_to_read() const {
  int bytes = 0;
  return ::ioctl(descriptor_, FIONREAD, &bytes) == 0 && bytes > 0;
}

bool Client::peer_left() const {
  char byte = 0;
  const ssize_t n = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void Client::release() {
  held_ = false;
  if (phase_ != Phase::kUp) return;
  write();
  if (phase_ != Phase::kUp) return;
  if (std::exchange(read_again_, false) && again_timer_ == 0) {
    again_timer_ = loop_->after(0, [this] {
      again_timer_ = 0;
      ready(true, false);
    });
  }
  watch_for();
}

void Client::flush() {
  if (held_) return;
  write();
}

void Client::write() {
  if (!mosquitto_want_write(handle_) || mosquitto_socket(handle_) < 0) return watch_for();
  const int code = mosquitto_loop_write(handle_, 1);
  const int error = errno;
  if (still_open(code, error)) watch_for();
}

void Client::watch_for() {
  if (watch_ == 0 || phase_ == Phase::kOpening) return;
  loop_->rewatch(watch_, !held_ && !reading_held_, !held_ && mosquitto_want_write(handle_));
}

void Client::hold_reading(bool hold) {
  reading_held_ = hold;
  if (!hold && phase_ == Phase::kUp && options_.address.tls) read_again_ = true;
  if (!hold && !held_) {
    release();
  } else {
    watch_for();
  }
}

void Client::misc() {
  misc_timer_ = loop_->after(kMiscEvery, [this] { misc(); });
  const int code = mosquitto_loop_misc(handle_);
  const int error = errno;
  if (still_open(code, error)) flush();
}

bool Client::still_open(int code, int error) {
  if (phase_ == Phase::kIdle) return false;
  if (mosquitto_socket(handle_) >= 0 && code == MOSQ_ERR_SUCCESS) return true;
  // The library says EPROTO for whatever OpenSSL refused to read or write.
  const bool tls = (code == MOSQ_ERR_TLS || error == EPROTO) && !link_->tls_error.empty();
  if (!refusal_.empty()) {
    closed(refusal_);
  } else if (tls) {
    closed(link_->tls_error, Ended::kTls);
  } else {
    closed(failure_words(code, error, options_.address.host));
  }
  return false;
}

void Client::drop_descriptor() {
  loop_->cancel(std::exchange(answer_timer_, 0));
  loop_->cancel(std::exchange(misc_timer_, 0));
  loop_->cancel(std::exchange(again_timer_, 0));
  loop_->cancel(std::exchange(steady_timer_, 0));
  if (watch_ != 0) loop_->unwatch(std::exchange(watch_, 0));
  if (descriptor_ < 0) return;
  // The library may think that it is connected: nothing more must reach the broker.
  ::shutdown(descriptor_, SHUT_RDWR);
  ::close(std::exchange(descriptor_, -1));
}

void Client::report(ConnectorState state, const std::string& reason, Micros retry_at) {
  if (reported_ == state && reported_reason_ == reason) return;
  reported_ = state;
  reported_reason_ = reason;
  owner_.state(state, reason, retry_at);
}

void Client::repeat_state() {
  if (reported_) owner_.state(*reported_, reported_reason_, 0);
}

void Client::up(const std::string& remark) {
  if (steady_timer_ == 0) {
    steady_timer_ = loop_->after(kSteadyAfter, [this] {
      steady_timer_ = 0;
      retry_.reset();
    });
  }
  report(ConnectorState::kUp, remark);
}

void Client::pause_state(const std::string& reason) { report(ConnectorState::kPaused, reason); }

void Client::give_up(const std::string& reason) { given_up_ = reason; }

int Client::subscribe(const std::string& filter, int qos, int options_5) {
  int id = 0;
  const int code = mosquitto_subscribe_v5(handle_, &id, filter.c_str(), qos,
                                          speaking_5_ ? options_5 : 0, nullptr);
  return code == MOSQ_ERR_SUCCESS ? id : 0;
}

void Client::unsubscribe(const std::string& filter) {
  (void)mosquitto_unsubscribe(handle_, nullptr, filter.c_str());
}

int Client::publish(int& id, const std::string& topic, std::string_view payload, int qos, bool retain,
                    const std::string& record_id) {
  if (payload.size() > MQTT_MAX_PAYLOAD) return MOSQ_ERR_PAYLOAD_SIZE;
  mosquitto_property* properties = nullptr;
  if (speaking_5_ && !record_id.empty())
    mosquitto_property_add_string_pair(&properties, MQTT_PROP_USER_PROPERTY, "_sf_id", record_id.c_str());
  const int code = mosquitto_publish_v5(handle_, &id, topic.c_str(), static_cast<int>(payload.size()),
                                        payload.data(), qos, retain, properties);
  mosquitto_property_free_all(&properties);
  return code;
}

void Client::set_callbacks() {
  mosquitto_connect_v5_callback_set(
      handle_, [](mosquitto*, void* link, int code, int flags, const mosquitto_property*) {
        if (Client* const client = static_cast<Link*>(link)->client)
          client->on_connack(code, flags);
      });
  mosquitto_disconnect_v5_callback_set(
      handle_, [](mosquitto*, void* link, int code, const mosquitto_property*) {
        Client* const client = static_cast<Link*>(link)->client;
        if (client == nullptr || code < 0x80 || !client->refusal_.empty()) return;
        client->refusal_ = failure_words(code, 0, {});
      });
  mosquitto_message_v5_callback_set(
      handle_,
      [](mosquitto*, void* link, const mosquitto_message* message, const mosquitto_property*) {
        Client* const client = static_cast<Link*>(link)->client;
        if (client == nullptr) return;
        client->batch_messages_ += 1;
        client->batch_bytes_ += static_cast<size_t>(message->payloadlen);
        client->owner_.message(*message);
      });
  mosquitto_subscribe_v5_callback_set(handle_, [](mosquitto*, void* link, int id, int count,
                                                  const int* granted, const mosquitto_property*) {
    Client* const client = static_cast<Link*>(link)->client;
    if (client == nullptr) return;
    client->owner_.subscribed(id, {granted, static_cast<size_t>(count)});
  });
  mosquitto_publish_v5_callback_set(
      handle_, [](mosquitto*, void* link, int id, int reason, const mosquitto_property*) {
        if (Client* const client = static_cast<Link*>(link)->client) {
          client->owner_.published(id, reason);
        }
      });
  // The only way to learn why TLS failed.  Also called on the helper thread, while it has the
  // handle.
  mosquitto_log_callback_set(handle_, [](mosquitto*, void* link, int level, const char* text) {
    if (level != MOSQ_LOG_ERR) return;
    std::string& error = static_cast<Link*>(link)->tls_error;
    if (error.empty()) error = tls_words(text);
  });
}

}  // namespace streamflow::mqtt
