#include "connectors/redis/source.h"

#include <utility>

#include "core/decode/json_cell.h"
#include "core/state_bytes.h"

namespace streamflow::redis {
namespace {

std::string_view text_of(const redisReply* reply) { return {reply->str, reply->len}; }
bool is_array(const redisReply* reply) { return reply != nullptr && reply->type == REDIS_REPLY_ARRAY; }
bool is_text(const redisReply* reply) { return reply != nullptr && reply->type == REDIS_REPLY_STRING; }

// Fields of an entry are text: what is wholly a JSON number, true, false or null is that, as in CSV.
bool is_json_scalar(std::string_view text) {
  if (text == "true" || text == "false" || text == "null") return true;
  if (text.empty() || (text[0] != '-' && (text[0] < '0' || text[0] > '9'))) return false;
  // valid_json_number wants readable bytes behind the end.
  const std::string copy(text);
  return valid_json_number(copy.data(), copy.data() + copy.size());
}

bool is_json_nested(std::string_view text) {
  if (text.size() < 2 || (text.front() != '{' && text.front() != '[')) return false;
  return !parse_json(text).is_error();
}

}  // namespace

void StreamSource::start(Loop& loop, SourceHost& host) {
  loop_ = &loop;
  host_ = &host;
  wants_id_ = host.wants_meta(kMeta[0]);
  wants_key_ = host.wants_meta(kMeta[1]);
  meta_.assign(std::size(kMeta), Value());
  if (!std::exchange(detached_, false)) return client_.start(loop);
  if (!client_.connected()) return host.state(ConnectorState::kConnecting, "");
  host.state(ConnectorState::kUp, "");
  if (std::exchange(missed_, false)) pending_after_ = "0";
  read();
}

bool StreamSource::detach() {
  if (host_ == nullptr || !client_.connected() || paused_) return false;
  host_ = nullptr;
  detached_ = true;
  return true;
}

void StreamSource::stop() {
  client_.stop();
  host_ = nullptr;
}

void StreamSource::pause() {
  if (std::exchange(paused_, true) || host_ == nullptr) return;
  if (client_.connected()) host_->state(ConnectorState::kPaused, "the pipeline is behind; entries stay in the stream");
}

void StreamSource::resume() {
  if (!std::exchange(paused_, false) || host_ == nullptr || !client_.connected()) return;
  host_->state(ConnectorState::kUp, "");
  read();
}

void StreamSource::state(ConnectorState state, const std::string& reason, Micros retry_at) {
  if (host_) host_->state(state, reason, retry_at);
}

void StreamSource::connected() {
  reading_ = false;
  client_.command({"XGROUP", "CREATE", options_.address.key, options_.group, options_.from_start ? "0" : "$", "MKSTREAM"},
                  [this](const redisReply* reply) {
                    if (reply == nullptr) return;
                    const bool error = reply->type == REDIS_REPLY_ERROR;
                    if (error && !text_of(reply).starts_with("BUSYGROUP"))
                      return client_.give_up(std::string(text_of(reply)));
                    begin();
                  });
}

void StreamSource::begin() {
  pending_after_ = "0";
  claimed_at_ = loop_->now();
  read();
}

void StreamSource::lost() { reading_ = false; }

// One command at a time: the next when what it brought is safe.
void StreamSource::read() {
  if (reading_ || paused_ || host_ == nullptr || !client_.connected()) return;
  reading_ = true;
  if (pending_after_.empty() && loop_->now() - claimed_at_ >= kClaimEvery) {
    claimed_at_ = loop_->now();
    return client_.command({"XAUTOCLAIM", options_.address.key, options_.group, options_.consumer,
                            std::to_string(kClaimIdle / kMicrosPerMilli), "0", "COUNT", std::to_string(kBatch)},
                           [this](const redisReply* reply) { take_claimed(reply); });
  }
  std::vector<std::string> words = {"XREADGROUP", "GROUP", options_.group, options_.consumer, "COUNT",
                                    std::to_string(kBatch)};
  if (pending_after_.empty()) {
    words.push_back("BLOCK");
    words.push_back(std::to_string(kBlock / kMicrosPerMilli));
  }
  words.insert(words.end(), {"STREAMS", options_.address.key, pending_after_.empty() ? ">" : pending_after_});
  client_.command(words, [this](const redisReply* reply) { take_read(reply); });
}

void StreamSource::take_read(const redisReply* reply) {
  if (reply == nullptr) return;
  reading_ = false;
  if (host_ == nullptr) return void(missed_ = true);
  if (reply->type == REDIS_REPLY_ERROR) {
    // The stream or its group was deleted: made again with the next connection.
    return client_.give_up(std::string(text_of(reply)));
  }
  const redisReply* entries = nullptr;
  if (is_array(reply) && reply->elements == 1 && is_array(reply->element[0]) && reply->element[0]->elements == 2)
    entries = reply->element[0]->element[1];
  const bool none = !is_array(entries) || entries->elements == 0;
  if (!pending_after_.empty()) {
    if (none) {
      pending_after_.clear();
    } else if (const redisReply* last = entries->element[entries->elements - 1]; is_array(last) && last->elements > 0) {
      pending_after_ = text_of(last->element[0]);
    }
  }
  if (none) return read();
  take_entries(entries);
}

void StreamSource::take_claimed(const redisReply* reply) {
  if (reply == nullptr) return;
  reading_ = false;
  if (host_ == nullptr) return void(missed_ = true);
  // A server before 6.2 has no XAUTOCLAIM: nothing is claimed there.
  if (!is_array(reply) || reply->elements < 2 || !is_array(reply->element[1]) || reply->element[1]->elements == 0)
    return read();
  take_entries(reply->element[1]);
}

void StreamSource::take_entries(const redisReply* entries) {
  std::vector<std::string> ids;
  for (size_t i = 0; i < entries->elements; ++i) take_entry(entries->element[i], ids);
  reading_ = true;
  host_->flush();
  host_->when_durable([this, ids = std::move(ids)]() mutable {
    acknowledge(std::move(ids));
    reading_ = false;
    read();
  });
}

void StreamSource::take_entry(const redisReply* entry, std::vector<std::string>& ids) {
  if (!is_array(entry) || entry->elements < 2 || !is_text(entry->element[0])) return;
  std::string id(text_of(entry->element[0]));
  const redisReply* fields = entry->element[1];
  ids.push_back(id);
  if (!is_array(fields) || seen_.contains(id)) return;  // deleted meanwhile, or known
  json_ = "{";
  for (size_t i = 0; i + 1 < fields->elements; i += 2) {
    if (i > 0) json_ += ',';
    append_json_string(text_of(fields->element[i]), json_);
    json_ += ':';
    const std::string_view value = text_of(fields->element[i + 1]);
    if (is_json_scalar(value) || is_json_nested(value))
      json_ += value;
    else
      append_json_string(value, json_);
  }
  json_ += '}';
  if (wants_id_) meta_[0] = Value::string(id);
  if (wants_key_) meta_[1] = Value::string(options_.address.key);
  host_->ident(id);
  host_->message(json_, {}, meta_);
  remember(std::move(id));
}

void StreamSource::acknowledge(std::vector<std::string> ids) {
  if (ids.empty() || !client_.connected()) return;
  std::vector<std::string> words = {"XACK", options_.address.key, options_.group};
  words.insert(words.end(), std::make_move_iterator(ids.begin()), std::make_move_iterator(ids.end()));
  client_.command(words, [](const redisReply*) {});
}

// --- across restarts ---

void StreamSource::remember(std::string id) {
  if (!seen_.insert(id).second) return;
  seen_order_.push_back(std::move(id));
  if (seen_order_.size() <= kRememberedMax) return;
  seen_.erase(seen_order_.front());
  seen_order_.pop_front();
}

void StreamSource::replayed(std::string_view ident) { remember(std::string(ident)); }

std::string StreamSource::position() const {
  std::string out;
  for (const std::string& id : seen_order_) save_text(id, out);
  return out;
}

void StreamSource::restore(std::string_view position) {
  StateReader in(position);
  while (!in.at_end() && in.ok()) remember(std::string(in.text()));
}

}  // namespace streamflow::redis
