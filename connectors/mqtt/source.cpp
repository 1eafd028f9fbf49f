#include "connectors/mqtt/source.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <mqtt_protocol.h>
#include <xxhash.h>

#include "connectors/mqtt/reasons.h"
#include "connectors/mqtt/session.h"
#include "core/state_bytes.h"

namespace streamflow::mqtt {
namespace {

constexpr int kRefused = 0x80;  // SUBACK codes from here on
constexpr size_t kSampleBytes = 200;

// Kept in the state folder, so no std::hash.
uint64_t content_hash(const mosquitto_message& message) {
  const std::string_view topic = message.topic;
  return XXH3_64bits(message.payload, static_cast<size_t>(message.payloadlen)) * 31 +
         XXH3_64bits(topic.data(), topic.size());
}

constexpr size_t kSeenBytes = 16;

}  // namespace

MqttSource::MqttSource(SourceOptions options) : options_(std::move(options)) {
  for (const TopicFilter& filter : options_.filters) {
    std::vector<size_t> order;
    for (const Capture& capture : filter.captures) {
      const auto it = std::find(options_.captures.begin(), options_.captures.end(), capture.name);
      order.push_back(static_cast<size_t>(it - options_.captures.begin()));
    }
    capture_order_.push_back(std::move(order));
  }
  captured_.resize(options_.captures.size());
  ordered_.resize(options_.captures.size());
  meta_.resize(std::size(kMeta));
}

void MqttSource::start(Loop& loop, SourceHost& host) {
  loop_ = &loop;
  host_ = &host;
  for (size_t i = 0; i < std::size(kMeta); ++i) {
    wants_[i] = host.wants_meta(kMeta[i]);
    meta_[i] = Value();
  }
  if (client_) return go_on();
  restore_session();
  ClientOwner& owner = *this;
  client_ = std::make_unique<Client>(options_.client, owner);
  client_->start(loop);
}

bool MqttSource::detach() {
  if (!client_ || !client_->connected() || paused_ || !subscribing_.empty()) return false;
  client_->hold_reading(true);
  host_ = nullptr;
  return true;
}

void MqttSource::go_on() {
  if (!client_->connected()) {
    host_->state(ConnectorState::kConnecting, "");
    return client_->connect();
  }
  client_->repeat_state();
  client_->hold_reading(false);
}

void MqttSource::stop() {
  if (loop_ != nullptr) loop_->cancel(std::exchange(pause_timer_, 0));
  if (client_) client_->stop();
}

// --- the session ---

void MqttSource::restore_session() {
  if (!options_.state_dir.empty()) {
    session_path_ = session_path(options_.state_dir, options_.pipeline, options_.node);
    Result<Session> kept = read_session(session_path_);
    if (kept) {
      session_filters_ = kept->filters;
      may_stray_ = std::any_of(session_filters_.begin(), session_filters_.end(),
                               [this](const std::string& old) { return !wants(old); });
      if (options_.client.client_id.empty()) options_.client.client_id = kept->client_id;
    } else {
      complain(kept.error().message + "; a new MQTT session is begun");
    }
  }
  if (!options_.client.client_id.empty()) return;
  if (session_path_.empty()) {
    options_.client.client_id = derived_client_id(options_.pipeline, options_.node);
    return;
  }
  options_.client.client_id = random_client_id();
  const Status kept = write_session(session_path_, {options_.client.client_id, {}});
  if (kept) return;
  complain(kept.error().message);
  session_path_.clear();
  options_.client.client_id = derived_client_id(options_.pipeline, options_.node);
}

void MqttSource::keep_session() {
  if (session_path_.empty()) return;
  std::vector<std::string> filters;
  for (const TopicFilter& filter : options_.filters) filters.push_back(filter.text);
  if (filters == session_filters_) return;
  const Status kept = write_session(session_path_, {options_.client.client_id, filters});
  if (!kept) return complain(kept.error().message);
  session_filters_ = std::move(filters);
}

void MqttSource::connected(bool session_present) {
  // A connection that ended before the broker had sent everything again leaves a rest.
  if (!session_present || !resuming_) again_.clear();
  if (session_present) {
    for (const Seen& seen : seen_) again_[seen.id] = seen.hash;
  }
  resuming_ = !again_.empty();
  seen_.clear();
  if (session_present && subscribed_) return client_->up();
  subscribe_all();
}

bool MqttSource::wants(const std::string& filter) const {
  return std::any_of(options_.filters.begin(), options_.filters.end(),
                     [&filter](const TopicFilter& ours) { return ours.text == filter; });
}

void MqttSource::subscribe_all() {
  subscribing_.clear();
  refused_.clear();
  for (const std::string& old : session_filters_) {
    if (!wants(old)) client_->unsubscribe(old);
  }
  const int options_5 = options_.retained ? 0 : MQTT_SUB_OPT_SEND_RETAIN_NEVER;
  // One packet each: some brokers take only a few filters in one.
  for (size_t i = 0; i < options_.filters.size(); ++i) {
    const int id = client_->subscribe(options_.filters[i].text, options_.qos, options_5);
    if (id == 0) {
      refused_.push_back("cannot subscribe to '" + options_.filters[i].shown + "'");
    } else {
      subscribing_[id] = i;
    }
  }
  if (subscribing_.empty()) all_subscribed();
}

void MqttSource::subscribed(int id, std::span<const int> granted) {
  const auto it = subscribing_.find(id);
  if (it == subscribing_.end() || granted.empty()) return;
  const std::string& filter = options_.filters[it->second].shown;
  if (granted[0] >= kRefused) {
    refused_.push_back("the broker refused the subscription to '" + filter +
                       "': " + reason_words(granted[0]));
  } else if (granted[0] < options_.qos) {
    complain("the broker grants QoS " + std::to_string(granted[0]) + " instead of " +
             std::to_string(options_.qos) + " for '" + filter + "'");
  }
  subscribing_.erase(it);
  if (subscribing_.empty()) all_subscribed();
}

void MqttSource::all_subscribed() {
  if (refused_.size() == options_.filters.size()) return client_->give_up(refused_.front());
  for (const std::string& text : refused_) complain(text);
  subscribed_ = refused_.empty();  // else asked again after a reconnect
  keep_session();
  client_->up(refused_.empty() ? std::string() : refused_.front());
}

void MqttSource::lost() {
  subscribing_.clear();
  if (host_ == nullptr) client_->disconnect();  // nobody is there to take what would come
}

// --- messages ---

void MqttSource::message(const mosquitto_message& message) {
  confirms_ = confirms_ || message.qos > 0;
  if (message.qos == 1 && seen_before(message)) return;
  if (message.retain && !options_.retained) return;
  if (message.qos == 1) host_->ident(ident_);
  const std::string_view topic = message.topic;
  const std::string_view payload(static_cast<const char*>(message.payload),
                                 static_cast<size_t>(message.payloadlen));
  const bool must_match = may_stray_ || !options_.captures.empty();
  if (must_match && !capture(topic)) {
    // Published while we were away to what an earlier version of this pipeline subscribed to.
    return host_->reject(payload.substr(0, kSampleBytes),
                         "a message on a topic that this source no longer subscribes to");
  }
  if (options_.message_bytes_max != 0 && payload.size() > options_.message_bytes_max) {
    return host_->reject(
        payload.substr(0, kSampleBytes),
        "a message of " + std::to_string(payload.size()) + " bytes is more than max_message");
  }
  hand_over(message, topic);
}

bool MqttSource::seen_before(const mosquitto_message& message) {
  const uint64_t hash = content_hash(message);
  ident_.clear();
  append_seen({message.mid, hash}, ident_);
  seen_.push_back({message.mid, hash});
  if (seen_.size() > kRememberedMax) seen_.pop_front();
  if (!resuming_) return false;
  const auto it = again_.find(message.mid);
  if (it != again_.end() && it->second == hash) {
    again_.erase(it);
    return true;
  }
  // The first that is new: what was to come again has come.
  resuming_ = false;
  again_.clear();
  return false;
}

bool MqttSource::capture(std::string_view topic) {
  for (size_t i = 0; i < options_.filters.size(); ++i) {
    if (!match(options_.filters[i], topic, captured_)) continue;
    for (size_t k = 0; k < captured_.size(); ++k) ordered_[capture_order_[i][k]] = captured_[k];
    return true;
  }
  return false;
}

void MqttSource::append_seen(const Seen& seen, std::string& out) {
  save_word(static_cast<uint64_t>(seen.id), out);
  save_word(seen.hash, out);
}

void MqttSource::hand_over(const mosquitto_message& message, std::string_view topic) {
  if (wants_[0]) meta_[0] = Value::string(std::string(topic));  // kept until `flush`
  if (wants_[1]) meta_[1] = Value::integer(message.qos);
  if (wants_[2]) meta_[2] = Value::boolean(message.retain);
  host_->message(
      {static_cast<const char*>(message.payload), static_cast<size_t>(message.payloadlen)},
      ordered_, meta_);
}

// The hold ends when no crash can lose the records; without an input log that is now, and also where they
// were all of QoS 0, which nobody confirms.
void MqttSource::turn() {
  host_->flush();
  if (!std::exchange(confirms_, false)) return client_->release();
  // Nothing is read meanwhile; of a connection that came after this one there is nothing to release.
  host_->when_durable([this, turn = ++turns_] {
    if (turn == turns_ && client_) client_->release();
  });
}

// --- across restarts ---

std::string MqttSource::position() const {
  std::string out;
  for (const auto& [id, hash] : again_) append_seen({id, hash}, out);
  for (const Seen& seen : seen_) append_seen(seen, out);
  return out;
}

void MqttSource::restore(std::string_view position) {
  seen_.clear();
  for (; position.size() >= kSeenBytes; position.remove_prefix(kSeenBytes)) replayed(position.substr(0, kSeenBytes));
}

void MqttSource::replayed(std::string_view ident) {
  StateReader in(ident);
  const auto id = static_cast<int>(in.word());
  const uint64_t hash = in.word();
  if (!in.ok()) return;
  seen_.push_back({id, hash});
  if (seen_.size() > kRememberedMax) seen_.pop_front();
}

// --- backpressure ---

void MqttSource::pause() {
  if (!client_ || std::exchange(paused_, true)) return;
  if (!client_->connected()) return leave_while_paused();
  client_->hold_reading(true);
  pause_timer_ = loop_->after(hold_max(), [this] {
    pause_timer_ = 0;
    leave_while_paused();
  });
}

void MqttSource::leave_while_paused() {
  away_ = true;
  client_->disconnect();
  const bool kept = !options_.client.clean;
  client_->pause_state(kept ? "the pipeline is behind; the broker keeps the session"
                            : "the pipeline is behind; what is published meanwhile is lost");
}

void MqttSource::resume() {
  if (!std::exchange(paused_, false) || !client_) return;
  loop_->cancel(std::exchange(pause_timer_, 0));
  if (std::exchange(away_, false)) {
    client_->connect();
  } else {
    client_->hold_reading(false);
  }
}

void MqttSource::state(ConnectorState state, const std::string& reason, Micros retry_at) {
  if (host_ != nullptr) host_->state(state, reason, retry_at);
}

void MqttSource::complain(const std::string& text) { host_->complain(text); }

}  // namespace streamflow::mqtt
