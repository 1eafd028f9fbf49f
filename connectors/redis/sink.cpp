#include "connectors/redis/sink.h"

#include <algorithm>
#include <random>
#include <utility>

#include "core/decode/json.h"
#include "core/decode/json_cell.h"
#include "core/state_bytes.h"

namespace streamflow::redis {
namespace {

// KEYS: the stream, its marks.  ARGV: writer, '1' where known numbers are left out, length bound, then for
// each entry its number, how many words follow, and these.
constexpr const char* kScript = R"(
local once, last, at = ARGV[2] == '1', -1, 4
if once then last = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '-1') end
while at <= #ARGV do
  local number, count = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  if number > last then
    local words = {'XADD', KEYS[1]}
    if ARGV[3] ~= '0' then words = {'XADD', KEYS[1], 'MAXLEN', '~', ARGV[3]} end
    words[#words + 1] = '*'
    for i = at + 2, at + 1 + count do words[#words + 1] = ARGV[i] end
    redis.call(unpack(words))
    last = number
  end
  at = at + 2 + count
end
if once then redis.call('HSET', KEYS[2], ARGV[1], last) end
return 1
)";

constexpr size_t kSampleMax = 200;

std::string random_name() {
  std::random_device device;
  return std::to_string((uint64_t{device()} << 32) | device());
}

// In the stream's cluster slot.
std::string marks_key(const std::string& stream) {
  const bool tagged = stream.find('{') != std::string::npos && stream.find('}') != std::string::npos;
  return (tagged ? stream : "{" + stream + "}") + ".streamflow";
}

std::string unquoted(std::string_view token) {
  std::string out;
  unescape_json_string(token.data(), token.data() + token.size(), out);
  return out;
}

// Field, value, field, value: null and missing are left out; strings without quotes, all else as JSON.
void append_words(const std::string& record, std::vector<std::string>& out) {
  JsonMembers members(record);
  while (members.next()) {
    if (members.value == "null") continue;
    const std::string key = '"' + std::string(members.key) + '"';
    out.push_back(unquoted(key));
    out.push_back(members.value.starts_with('"') ? unquoted(members.value) : std::string(members.value));
  }
}

}  // namespace

void StreamSink::start(Loop& loop, SinkHost& host) {
  loop_ = &loop;
  host_ = &host;
  if (writer_.empty()) writer_ = random_name();
  client_.start(loop);
}

// --- from rows to text ---

void StreamSink::write(const Batch& batch) {
  const std::vector<ColumnPtr> columns = options_.key.columns(batch);
  RecordEncoder encoder(batch, options_.timestamps);
  for (size_t i = 0; i < batch.count(); ++i) {
    const uint32_t row = batch.row_at(i);
    Row out;
    out.number = next_number_++;
    out.key = options_.key.fill(columns, row);
    encoder.append(row, out.text);
    bytes_ += out.bytes();
    ++rows_;
    waiting_.push_back(std::move(out));
  }
  tell_host();
}

void StreamSink::flush() { pump(); }

// --- to the server ---

void StreamSink::connected() { load_script(); }

void StreamSink::load_script() {
  client_.command({"SCRIPT", "LOAD", kScript}, [this](const redisReply* reply) {
    if (reply == nullptr) return;
    if (reply->type != REDIS_REPLY_STRING) return client_.give_up(std::string(reply->str, reply->len));
    script_.assign(reply->str, reply->len);
    pump();
  });
}

void StreamSink::lost() {
  script_.clear();
  take_back();
}

void StreamSink::take_back() {
  while (!asked_.empty()) {
    Group& group = asked_.back().second;
    while (!group.empty()) {
      waiting_.push_front(std::move(group.back()));
      group.pop_back();
    }
    asked_.pop_back();
  }
  // Groups were of one key each: back in the order of their numbers.
  std::sort(waiting_.begin(), waiting_.end(), [](const Row& a, const Row& b) { return a.number < b.number; });
}

void StreamSink::pump() {
  if (script_.empty() || retry_ != 0) return;
  while (!waiting_.empty() && asked_.size() < kGroupsMax) send(next_group());
}

// Rows of the first one's key, as far as they follow in the next few.
StreamSink::Group StreamSink::next_group() {
  Group group;
  const std::string key = waiting_.front().key;
  if (!options_.key.has_fields()) {
    while (!waiting_.empty() && group.size() < kGroupRows) {
      group.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    return group;
  }
  const size_t look = std::min(waiting_.size(), kGroupRows);
  std::deque<Row> rest;
  for (size_t i = 0; i < look; ++i) {
    Row row = std::move(waiting_.front());
    waiting_.pop_front();
    (row.key == key ? group : rest).push_back(std::move(row));
  }
  for (; !rest.empty(); rest.pop_back()) waiting_.push_front(std::move(rest.back()));
  return group;
}

void StreamSink::send(Group group) {
  const std::string& key = group.front().key;
  std::vector<std::string> words = {"EVALSHA", script_, "2", key, marks_key(key), writer_,
                                    options_.exactly_once ? "1" : "0", std::to_string(options_.length_max)};
  for (const Row& row : group) {
    words.push_back(std::to_string(row.number));
    const size_t count = words.size();
    words.emplace_back();
    append_words(row.text, words);
    if (words.size() == count + 1) words.insert(words.end(), {"", ""});  // an entry needs a field
    words[count] = std::to_string(words.size() - count - 1);
  }
  const size_t id = next_id_++;
  asked_.emplace_back(id, std::move(group));
  client_.command(words, [this, id](const redisReply* reply) { answered(id, reply); });
}

void StreamSink::answered(size_t id, const redisReply* reply) {
  if (reply == nullptr) return;  // lost() takes them back
  const auto asked = std::find_if(asked_.begin(), asked_.end(), [id](const auto& a) { return a.first == id; });
  if (asked == asked_.end()) return;
  const std::string_view error = reply->type == REDIS_REPLY_ERROR ? std::string_view(reply->str, reply->len)
                                                                  : std::string_view();
  if (error.starts_with("NOSCRIPT")) {
    script_.clear();
    take_back();
    return load_script();
  }
  // The server will take them later; all behind them wait too, so that the order stays.
  const bool later = error.find("OOM") != std::string_view::npos || error.starts_with("READONLY") ||
                     error.starts_with("LOADING") || error.starts_with("MISCONF") ||
                     error.starts_with("BUSY") || error.starts_with("CLUSTERDOWN");
  if (later) {
    host_->state(ConnectorState::kDown, std::string(error), loop_->now() + kRetry);
    take_back();
    if (retry_ == 0)
      retry_ = loop_->after(kRetry, [this] {
        retry_ = 0;
        if (client_.connected()) host_->state(ConnectorState::kUp, "");
        pump();
      });
    return tell_host();
  }
  const Group group = std::move(asked->second);
  asked_.erase(asked);
  for (const Row& row : group) bytes_ -= row.bytes();
  rows_ -= group.size();
  if (error.empty())
    host_->written(group.size());
  else
    fail_group(group, error);
  pump();
  tell_host();
}

void StreamSink::fail_group(const Group& group, std::string_view reason) {
  for (const Row& row : group) host_->failed(1, reason, std::string_view(row.text).substr(0, kSampleMax));
}

void StreamSink::tell_host() {
  if (bytes_ != told_bytes_) {
    told_bytes_ = bytes_;
    host_->queued(rows_, bytes_);
  }
  if (rows_ == 0 && drained_) std::exchange(drained_, nullptr)();
}

void StreamSink::drain(std::function<void()> done) {
  drained_ = std::move(done);
  pump();
  tell_host();
}

void StreamSink::stop() {
  drained_ = nullptr;
  client_.stop();
  if (host_ == nullptr) return;
  loop_->cancel(std::exchange(retry_, 0));
  if (rows_ > 0) host_->dropped(rows_, "stopped before the server confirmed it");
  waiting_.clear();
  asked_.clear();
  rows_ = 0;
  bytes_ = 0;
  host_ = nullptr;
}

void StreamSink::state(ConnectorState state, const std::string& reason, Micros retry_at) {
  if (host_) host_->state(state, reason, retry_at);
}

// --- checkpoints ---

void StreamSink::save(std::string& out) {
  save_text(writer_, out);
  save_count(next_number_, out);
  save_count(rows_, out);
  const auto put = [&out](const Row& row) {
    save_count(row.number, out);
    save_text(row.key, out);
    save_text(row.text, out);
  };
  for (const auto& [id, group] : asked_)
    for (const Row& row : group) put(row);
  for (const Row& row : waiting_) put(row);
}

Status StreamSink::load(std::string_view bytes, bool exactly) {
  (void)exactly;  // the numbers see to it
  StateReader in(bytes);
  writer_ = in.text();
  next_number_ = in.count();
  for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    Row row;
    row.number = in.count();
    row.key = in.text();
    row.text = in.text();
    bytes_ += row.bytes();
    ++rows_;
    waiting_.push_back(std::move(row));
  }
  if (!in.ok()) return fail(ErrorKind::kIo, "the state of a redis sink is damaged");
  std::sort(waiting_.begin(), waiting_.end(), [](const Row& a, const Row& b) { return a.number < b.number; });
  return {};
}

}  // namespace streamflow::redis
