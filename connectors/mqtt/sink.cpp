#include "connectors/mqtt/sink.h"

#include <mosquitto.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "connectors/mqtt/reasons.h"
#include "connectors/mqtt/session.h"
#include "connectors/mqtt/topic.h"
#include "core/state_bytes.h"

namespace streamflow::mqtt {
namespace {

constexpr int kRefused = 0x80;       // reasons from here on
constexpr size_t kRowOverhead = 96;  // what a queued row costs beside its text
constexpr size_t kSampleMax = 200;
// Mosquitto hangs up on a client of MQTT 3.1.1 that has more QoS 2 messages on their way.
constexpr int kExactlyOnceInFlightMax = 20;

// Columns of the fields, readable for the batch's rows; null where no row has the field.
std::vector<ColumnPtr> columns_of(const Batch& batch, const std::vector<std::string>& names) {
  std::vector<ColumnPtr> out;
  for (const std::string& name : names) {
    out.push_back(batch.field(name));
    if (out.back()) out.back()->decode(batch.selected.get());
  }
  return out;
}

bool is_absent(const Column* column, uint32_t row) {
  return column == nullptr || column->kind(row) <= Kind::kNull;
}

}  // namespace

MqttSink::MqttSink(SinkOptions options) : options_(std::move(options)) {
  if (options_.client.client_id.empty()) {
    // Another each time: with a clean session there is nothing at the broker to come back to, and an
    // id that two daemons of one machine could share would have each end the other's connection.
    options_.client.client_id = random_client_id();
  }
  options_.client.clean = true;  // the library keeps what is not confirmed
  if (options_.qos == 2) options_.client.send_maximum = kExactlyOnceInFlightMax;
}

void MqttSink::start(Loop& loop, SinkHost& host) {
  host_ = &host;
  if (writer_.empty()) writer_ = random_client_id();
  ClientOwner& owner = *this;
  client_ = std::make_unique<Client>(options_.client, owner);
  client_->start(loop);
}

// --- from rows to messages ---

void MqttSink::write(const Batch& batch) {
  const std::vector<ColumnPtr> fields = columns_of(batch, options_.topic.fields());
  ColumnPtr value;
  if (!options_.value.empty()) value = columns_of(batch, {options_.value}).front();
  for (size_t i = 0; i < batch.count(); ++i) queue_row(batch, batch.row_at(i), fields, value.get());
  tell_host();
}

void MqttSink::queue_row(const Batch& batch, uint32_t row, const std::vector<ColumnPtr>& fields,
                         const Column* value) {
  Row out;
  out.number = next_number_++;
  std::string reason = fill_topic(row, fields, out.topic);
  if (options_.value.empty()) {
    append_record(batch, row, options_.timestamps, out.payload);
  } else if (is_absent(value, row)) {
    // An empty payload would clear a retained topic.
    if (reason.empty()) reason = "field '" + options_.value + "' has no value";
  } else {
    append_cell_text(*value, row, options_.timestamps, out.payload);
  }
  if (!reason.empty()) return fail_row(out, reason);
  out.bytes = out.topic.size() + out.payload.size() + kRowOverhead;
  waiting_bytes_ += out.bytes;
  waiting_.push_back(std::move(out));
}

std::string MqttSink::fill_topic(uint32_t row, const std::vector<ColumnPtr>& fields,
                                 std::string& out) const {
  const std::vector<std::string>& literals = options_.topic.literals();
  out = literals.front();
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string& name = options_.topic.fields()[i];
    if (is_absent(fields[i].get(), row)) return "field '" + name + "' of the topic has no value";
    std::string text;
    append_cell_text(*fields[i], row, options_.timestamps, text);
    if (!is_topic_level(text)) {
      return text.empty() ? "field '" + name + "' of the topic is empty"
                          : "field '" + name + "' of the topic holds '/', '+', '#' or a zero byte";
    }
    out += text;
    out += literals[i + 1];
  }
  if (out.size() > kTopicBytesMax) return "the topic has more than 65535 bytes";
  if (out.front() == '$' && literals.front().empty()) return "the topic starts with '$'";
  if (mosquitto_validate_utf8(out.data(), static_cast<int>(out.size())) != MOSQ_ERR_SUCCESS) {
    return "the topic is not valid UTF-8";
  }
  return {};
}

void MqttSink::fail_row(const Row& row, std::string_view reason) {
  std::string_view sample = row.payload;
  if (sample.empty() && !options_.topic_hidden) sample = row.topic;
  host_->failed(1, reason, sample.substr(0, kSampleMax));
}

// --- from messages to the broker ---

void MqttSink::flush() {
  pump();
  tell_host();
}

void MqttSink::pump() {
  // Never inside a callback of the library: after a reconnect it resends only when that returns.
  if (!client_ || pumping_) return;
  pumping_ = true;
  // At QoS 0 a write confirms what it took, so there may be room again.
  while (client_->connected() && fill_library()) client_->flush();
  pumping_ = false;
}

// Whether anything was handed over.
bool MqttSink::fill_library() {
  bool any = false;
  while (!waiting_.empty() && in_flight_.size() < Client::kInFlightMax &&
         (in_flight_.empty() || in_flight_bytes_ < kInFlightBytesMax)) {
    Row row = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= row.bytes;
    if (!hand_to_library(row)) {
      waiting_bytes_ += row.bytes;
      waiting_.push_front(std::move(row));
      break;
    }
    any = true;
  }
  return any;
}

// False: not now.  A row that the library or the broker's limits refuse fails.
bool MqttSink::hand_to_library(Row& row) {
  const std::string id = options_.record_ids ? writer_ + ':' + std::to_string(row.number) : std::string();
  const int code = client_->publish(row.id, row.topic, row.payload, options_.qos, options_.retain, id);
  switch (code) {
    case MOSQ_ERR_SUCCESS:
      break;
    case MOSQ_ERR_NO_CONN:
    case MOSQ_ERR_CONN_LOST:
      return false;
    case MOSQ_ERR_OVERSIZE_PACKET:
      fail_row(row, "larger than the broker takes");
      return true;
    case MOSQ_ERR_PAYLOAD_SIZE:
      fail_row(row, "larger than MQTT allows");
      return true;
    case MOSQ_ERR_QOS_NOT_SUPPORTED:
      fail_row(row, "the broker does not take this QoS");
      return true;
    default:
      fail_row(row, mosquitto_strerror(code));
      return true;
  }
  in_flight_bytes_ += row.bytes;
  unconfirmed_ += 1;
  in_flight_.push_back(std::move(row));
  return true;
}

void MqttSink::published(int id, int reason) {
  // Confirmations come in order but for what a broker reorders: the first is the usual one.
  const auto it = std::find_if(in_flight_.begin(), in_flight_.end(),
                               [id](const Row& row) { return row.id == id && !row.done; });
  if (it == in_flight_.end()) return;
  it->done = true;
  unconfirmed_ -= 1;
  if (reason >= kRefused) {
    fail_row(*it, "the broker refused it: " + reason_words(reason));
  } else {
    written_ += 1;
  }
  while (!in_flight_.empty() && in_flight_.front().done) {
    in_flight_bytes_ -= in_flight_.front().bytes;
    in_flight_.pop_front();
  }
}

void MqttSink::connected(bool session_present) {
  (void)session_present;
  client_->up();
}

void MqttSink::turn() {
  client_->release();
  pump();
  tell_host();
}

// QoS 0: what the socket had not taken is published anew.
void MqttSink::lost() {
  if (options_.qos > 0) return;
  while (!in_flight_.empty()) {
    Row& row = in_flight_.back();
    if (!row.done) {
      waiting_bytes_ += row.bytes;
      waiting_.push_front(std::move(row));
    }
    in_flight_.pop_back();
  }
  in_flight_bytes_ = 0;
  unconfirmed_ = 0;
}

void MqttSink::writable() {
  pump();
  tell_host();
}

void MqttSink::tell_host() {
  if (written_ > 0) host_->written(std::exchange(written_, 0));
  const uint64_t rows = waiting_.size() + unconfirmed_;
  const size_t bytes = waiting_bytes_ + in_flight_bytes_;
  if (rows != told_rows_ || bytes != told_bytes_) {
    told_rows_ = rows;
    told_bytes_ = bytes;
    host_->queued(rows, bytes);
  }
  if (rows == 0 && drained_) std::exchange(drained_, nullptr)();
}

void MqttSink::drain(std::function<void()> done) {
  drained_ = std::move(done);
  pump();
  tell_host();
}

void MqttSink::stop() {
  drained_ = nullptr;
  if (client_) client_->stop();
  if (host_ == nullptr) return;
  tell_host();
  const uint64_t rows = told_rows_;
  in_flight_.clear();
  waiting_.clear();
  in_flight_bytes_ = 0;
  waiting_bytes_ = 0;
  unconfirmed_ = 0;
  if (rows > 0) host_->dropped(rows, "stopped before the broker confirmed it");
  tell_host();
  host_ = nullptr;
}

void MqttSink::save(std::string& out) {
  save_text(writer_, out);
  save_count(next_number_, out);
  save_count(unconfirmed_ + waiting_.size(), out);
  for (const auto* rows : {&in_flight_, &waiting_}) {
    for (const Row& row : *rows) {
      if (row.done) continue;
      save_count(row.number, out);
      save_text(row.topic, out);
      save_text(row.payload, out);
    }
  }
}

Status MqttSink::load(std::string_view bytes, bool exactly) {
  (void)exactly;  // what was published cannot be taken back
  StateReader in(bytes);
  writer_ = in.text();
  next_number_ = in.count();
  for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    Row row;
    row.number = in.count();
    row.topic = in.text();
    row.payload = in.text();
    row.bytes = row.topic.size() + row.payload.size() + kRowOverhead;
    waiting_bytes_ += row.bytes;
    waiting_.push_back(std::move(row));
  }
  if (!in.ok()) return fail(ErrorKind::kIo, "the state of an mqtt sink is damaged");
  return {};
}

void MqttSink::state(ConnectorState state, const std::string& reason, Micros retry_at) {
  host_->state(state, reason, retry_at);
}

}  // namespace streamflow::mqtt
