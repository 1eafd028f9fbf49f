// How a Client comes to a connection, and what it does when one ends.
#include <fcntl.h>
#include <mqtt_protocol.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <thread>
#include <utility>

#include "connectors/mqtt/client.h"
#include "connectors/mqtt/client_link.h"
#include "connectors/mqtt/reasons.h"

namespace streamflow::mqtt {
namespace {

constexpr int kReceiveMax = 65535;
constexpr const char* kSystemCertificates = "/etc/ssl/certs";

const char* or_null(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

// Binding to it leaves a name's addresses of the other family out.  Never back to none: given a
// null pointer after an address, the library frees that twice.
const char* local_address(Family family) {
  switch (family) {
    case Family::kAny:
      return nullptr;
    case Family::kIpv4:
      return "0.0.0.0";
    case Family::kIpv6:
      return "::";
  }
  return nullptr;
}

}  // namespace

void Client::make_handle() {
  link_ = std::make_shared<Link>();
  link_->client = this;
  link_->loop = loop_;
  link_->handle = mosquitto_new(options_.client_id.c_str(), options_.clean, link_.get());
  handle_ = link_->handle;
  if (handle_ == nullptr) return;
  mosquitto_threaded_set(handle_, true);  // loop_write is ours alone to call
  mosquitto_int_option(handle_, MOSQ_OPT_SEND_MAXIMUM, options_.send_maximum);
  // Mosquitto 2.0 sends more QoS 2 messages than the maximum that we give it, and the library ends
  // the connection over that: so the largest.  Memory is bounded by what we read in one go instead.
  mosquitto_int_option(handle_, MOSQ_OPT_RECEIVE_MAXIMUM, kReceiveMax);
  mosquitto_int_option(handle_, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_username_pw_set(
      handle_, options_.address.user ? options_.address.user->c_str() : nullptr,
      options_.address.password ? options_.address.password->c_str() : nullptr);
  if (options_.address.tls && options_.insecure) {  // once: each call leaks a little
    mosquitto_tls_opts_set(handle_, 0, nullptr, nullptr);
    mosquitto_tls_insecure_set(handle_, true);
  }
  set_callbacks();
}

bool Client::set_up_tls() {
  if (!options_.address.tls) return true;
  // Again for each attempt: the files may have changed, or come into being.
  const bool system = options_.ca.empty();
  const int code =
      mosquitto_tls_set(handle_, or_null(options_.ca), system ? kSystemCertificates : nullptr,
                        or_null(options_.certificate), or_null(options_.key), nullptr);
  if (code != MOSQ_ERR_SUCCESS) {
    link_->tls_error = "TLS: cannot read the certificate or key files";
    return false;
  }
  if (system) mosquitto_int_option(handle_, MOSQ_OPT_TLS_USE_OS_CERTS, 1);
  return true;
}

void Client::set_version() {
  mosquitto_int_option(handle_, MOSQ_OPT_PROTOCOL_VERSION,
                       speaking_5_ ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
  mosquitto_property* properties = nullptr;
  if (speaking_5_ && !options_.clean) {
    mosquitto_property_add_int32(&properties, MQTT_PROP_SESSION_EXPIRY_INTERVAL,
                                 options_.session_expiry_s);
  }
  // Only the blocking connect takes properties.  It keeps them before it looks at the port, and -1
  // is none, so it returns without connecting.
  mosquitto_connect_bind_v5(handle_, options_.address.host.c_str(), -1, options_.keepalive_s,
                            nullptr, properties);
  mosquitto_property_free_all(&properties);
}

void Client::open() {
  if (handle_ == nullptr) make_handle();
  if (handle_ == nullptr) return retry_later("out of memory");
  refusal_.clear();
  given_up_.clear();
  version_refused_ = false;
  held_ = false;
  reading_held_ = false;
  link_->tls_error.clear();
  if (!set_up_tls()) return retry_later(link_->tls_error);
  set_version();
  if (!numeric_host_) return open_on_thread();
  const int code = mosquitto_connect_async(handle_, options_.address.host.c_str(),
                                           options_.address.port, options_.keepalive_s);
  opened(code, errno);
}

void Client::open_on_thread() {
  const char* const bind_address = local_address(family_);
  phase_ = Phase::kResolving;
  answer_timer_ = loop_->after(kConnectMax, [this] { answer_late(); });
  uint64_t attempt = 0;
  {
    const std::lock_guard lock(link_->mutex);
    link_->done = false;
    attempt = ++link_->attempt;
  }
  const auto work = [link = link_, attempt, host = options_.address.host, port = options_.address.port,
                     keepalive = options_.keepalive_s, bind_address] {
    const int code =
        mosquitto_connect_bind_async(link->handle, host.c_str(), port, keepalive, bind_address);
    const int error = errno;
    const std::lock_guard lock(link->mutex);
    link->done = true;
    link->code = code;
    link->error = error;
    if (link->loop == nullptr) return;
    // Refused when too much waits: then answer_late finds it.
    (void)link->loop->post([link, attempt, code, error] {
      Client* const client = link->client;
      // answer_late may have taken it, and the next attempt be under way.
      const bool wanted = client != nullptr && client->phase_ == Phase::kResolving;
      if (wanted && link->attempt == attempt) client->opened(code, error);
    });
  };
  try {
    std::thread(work).detach();
  } catch (const std::system_error&) {
    phase_ = Phase::kIdle;
    retry_later("cannot start a thread to resolve '" + options_.address.host + "'");
  }
}

void Client::opened(int code, int error) {
  loop_->cancel(std::exchange(answer_timer_, 0));
  const int socket = mosquitto_socket(handle_);
  phase_ = Phase::kOpening;
  if (code != MOSQ_ERR_SUCCESS || socket < 0) {
    const std::string words = failure_words(code, error, options_.address.host);
    if (code == MOSQ_ERR_TLS && !link_->tls_error.empty()) return give_up_now(link_->tls_error);
    if (code == MOSQ_ERR_EAI) return give_up_now(words);
    return closed(words, Ended::kNoAddress);
  }
  (void)::fcntl(socket, F_SETFD, FD_CLOEXEC);
  descriptor_ = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (descriptor_ >= 0) {
    watch_ = loop_->watch(descriptor_, false, true,
                          [this](bool readable, bool writable) { ready(readable, writable); });
  }
  if (watch_ == 0) return give_up_now("cannot watch the connection");
  answer_timer_ = loop_->after(kConnectMax, [this] { answer_late(); });
}

// What another address would not change.
void Client::give_up_now(const std::string& reason) {
  phase_ = Phase::kIdle;
  closed(reason);
}

// No CONNACK, no connection or no address yet.
void Client::answer_late() {
  answer_timer_ = 0;
  if (phase_ != Phase::kResolving) return closed("no answer", Ended::kSilent);
  int code = 0;
  int error = 0;
  bool done = false;
  {
    const std::lock_guard lock(link_->mutex);
    done = link_->done;
    code = link_->code;
    error = link_->error;
  }
  if (done) return opened(code, error);
  report(ConnectorState::kDown, "cannot resolve '" + options_.address.host + "': no answer");
  answer_timer_ = loop_->after(kMiscEvery, [this] { answer_late(); });
}

bool Client::finish_opening() {
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  sockaddr_storage peer{};
  socklen_t peer_size = sizeof peer;
  // In TLS the library has written already and so has taken the error.
  if (error == 0 &&
      ::getpeername(descriptor_, reinterpret_cast<sockaddr*>(&peer), &peer_size) != 0) {
    error = ECONNREFUSED;
  }
  if (error != 0) {
    closed(connect_error_words(error));
    return false;
  }
  loop_->cancel(answer_timer_);
  answer_timer_ = loop_->after(kAnswerMax, [this] { answer_late(); });
  phase_ = Phase::kHandshake;
  return true;
}

void Client::on_connack(int code, int flags) {
  // A second one: what it would start is running already.
  if (phase_ != Phase::kHandshake) return give_up("the broker broke the protocol");
  if (code != 0) {
    refusal_ = connect_refusal(code);
    version_refused_ = is_version_refusal(code);
    return;
  }
  loop_->cancel(std::exchange(answer_timer_, 0));
  phase_ = Phase::kUp;
  version_known_ = true;
  other_family_ = false;
  misc_timer_ = loop_->after(kMiscEvery, [this] { misc(); });
  owner_.connected((flags & 1) != 0);
}

// The attempt or the connection has ended.
void Client::closed(const std::string& reason, Ended how) {
  const Phase phase = std::exchange(phase_, Phase::kIdle);
  drop_descriptor();
  held_ = false;
  given_up_.clear();
  if (phase == Phase::kUp) owner_.lost();
  if (leaving_) return;
  if (phase == Phase::kHandshake && take_other_version(how)) return open();
  if (phase == Phase::kOpening && !numeric_host_) return try_other_family(reason, how);
  other_family_ = false;
  retry_later(reason);
}

// Old brokers answer the newer protocol with a refusal, or by hanging up.  True: try again at once.
bool Client::take_other_version(Ended how) {
  if (options_.version != Version::kAuto) return false;
  const bool hung_up = how == Ended::kClosed && refusal_.empty() && !version_known_;
  if (!version_refused_ && !hung_up) return false;
  speaking_5_ = !speaking_5_;
  return !speaking_5_;
}

// A name may have addresses of both families and a broker on one: a round of attempts is one of
// each.
void Client::try_other_family(const std::string& reason, Ended how) {
  if (std::exchange(other_family_, !other_family_)) {
    // What the round has shown: why an address was of no use, rather than that there was none.
    const bool second_tells = first_ended_ == Ended::kNoAddress && how != Ended::kNoAddress;
    return retry_later(second_tells ? reason : first_reason_);
  }
  family_ = family_ == Family::kIpv4 ? Family::kIpv6 : Family::kIpv4;
  first_reason_ = reason;
  first_ended_ = how;
  open();
}

void Client::retry_later(const std::string& reason) {
  const Micros wait = retry_.next();
  report(ConnectorState::kDown, reason, loop_->now() + wait);
  if (leaving_ || retry_timer_ != 0) return;
  retry_timer_ = loop_->after(wait, [this] {
    retry_timer_ = 0;
    open();
  });
}

}  // namespace streamflow::mqtt
