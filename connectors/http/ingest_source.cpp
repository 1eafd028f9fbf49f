#include "connectors/http/ingest_source.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "connectors/http/content_type.h"
#include "core/expr/utf8.h"
#include "core/state_bytes.h"

namespace streamflow::http {
namespace {

constexpr std::string_view kKeyHeader = "idempotency-key";
constexpr size_t kShortKeyBytes = 16;

const std::string* find_header(const IngestHead& head, std::string_view name) {
  for (const auto& [key, value] : head.headers)
    if (key == name) return &value;
  return nullptr;
}

// Kept in the state folder, so no std::hash.
std::string short_key(const std::string& key) {
  const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
  std::string out;
  save_word(hash.low64, out);
  save_word(hash.high64, out);
  return out;
}

}  // namespace

IngestSource::IngestSource(IngestOptions options) : options_(std::move(options)) {
  if (options_.ingest) options_.ingest->expect(options_.path);
}

IngestSource::~IngestSource() {
  stop();
  if (options_.ingest) options_.ingest->forget(options_.path);
}

void IngestSource::start(Loop& loop, SourceHost& host) {
  loop_ = &loop;
  host_ = &host;
  meta_.assign(std::size(kMeta), Value());
  if (host.wants_meta(kMeta[0])) meta_[0] = Value::string(options_.path);
  wants_headers_ = host.wants_meta(kMeta[1]);
  if (!options_.ingest) return host.state(ConnectorState::kDown, "there is no server here");
  if (intake_) return go_on();
  IntakeOwner& owner = *this;
  intake_ = std::make_shared<Intake>(options_, loop, owner);
  intake_->pause(paused_);
  open();
}

// At a reload another pipeline may have the path until it has drained.
void IngestSource::open() {
  timer_ = 0;
  open_ = options_.ingest->open(options_.path, intake_);
  if (open_) return host_->state(paused_ ? ConnectorState::kPaused : ConnectorState::kUp, "");
  host_->state(ConnectorState::kConnecting, "another pipeline has this path still");
  timer_ = loop_->after(kOpenAgain, [this] { open(); });
}

void IngestSource::pause() {
  if (std::exchange(paused_, true) || !intake_) return;
  intake_->pause(true);
  if (open_)
    host_->state(ConnectorState::kPaused, "the pipeline is behind; clients are told to wait (429)");
}

void IngestSource::resume() {
  if (!std::exchange(paused_, false) || !intake_) return;
  intake_->pause(false);
  if (open_) host_->state(ConnectorState::kUp, "");
}

bool IngestSource::detach() {
  if (!intake_ || !open_ || paused_) return false;
  if (turn_planned_) end_turn();
  host_ = nullptr;
  return true;
}

void IngestSource::go_on() {
  host_->state(ConnectorState::kUp, "");
  intake_->pause(false);
  for (const JsonProblem& problem : std::exchange(early_refused_, {})) refuse(problem);
  for (auto& [request, records] : std::exchange(early_, {})) take(std::move(request), records);
}

void IngestSource::stop() {
  if (!intake_) return;
  *alive_ = false;
  loop_->cancel(std::exchange(timer_, 0));
  if (std::exchange(open_, false)) options_.ingest->close(options_.path, *intake_);
  intake_->leave();
  intake_.reset();
  // They may be safe in a moment, but nobody would tell: the client asks again.
  for (const Waiting& waiting : waiting_) waiting.answer(Intake::stopping());
  waiting_.clear();
  for (const auto& [request, records] : std::exchange(early_, {})) request.answer(Intake::stopping());
}

// --- bodies --------------------------------------------------------------------------------------

void IngestSource::take(IngestRequest request, uint64_t records) {
  if (host_ == nullptr) return void(early_.emplace_back(std::move(request), records));
  IngestReply reply;
  reply.records = records;
  const std::string* const key = find_header(request.head, kKeyHeader);
  if (key && records > 0) {
    std::string ident = short_key(*key);
    reply.repeated = seen_.contains(ident);
    if (!reply.repeated) {
      host_->ident(ident);  // of the first record; all of a body are one entry of the log
      remember(std::move(ident));
    }
  }
  if (!reply.repeated) hand_over(request);
  waiting_.push_back({turn_, std::move(request.answer), std::move(reply), request.body.size()});
  plan_turn();
}

void IngestSource::refuse(const JsonProblem& problem) {
  if (host_ == nullptr) {
    early_refused_.push_back(problem);
    if (early_refused_.size() == kEarlyRefusedMax) intake_->pause(true);
    return;
  }
  host_->reject(problem.sample, problem.text());
  plan_turn();
}

void IngestSource::hand_over(const IngestRequest& request) {
  if (wants_headers_) {
    Value::Map kept;
    for (const std::string& name : options_.headers)
      if (const std::string* value = find_header(request.head, name))
        kept.emplace_back(Value::string(name), Value::string(expr::to_valid_utf8(*value)));
    meta_[1] = Value::map(std::move(kept));
  }
  std::string ignored;
  if (body_kind(request.head.content_type, ignored) == BodyKind::kDocument)
    return host_->message(request.body, {}, meta_);
  std::string_view rest = request.body;
  while (!rest.empty()) {
    const size_t feed = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, feed);
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) host_->message(line, {}, meta_);
    rest.remove_prefix(std::min(feed + 1, rest.size()));
  }
}

// All that a turn of the loop brought is one flush.
void IngestSource::plan_turn() {
  if (std::exchange(turn_planned_, true)) return;
  loop_->defer([this, alive = alive_] {
    if (*alive && turn_planned_) end_turn();
  });
}

void IngestSource::end_turn() {
  turn_planned_ = false;
  const uint64_t turn = turn_++;
  host_->flush();
  host_->when_durable([this, turn, alive = alive_] {
    if (*alive) settle(turn);
  });
}

void IngestSource::settle(uint64_t turn) {
  while (!waiting_.empty() && waiting_.front().turn <= turn) {
    const Waiting done = std::move(waiting_.front());
    waiting_.pop_front();
    intake_->settled(done.bytes);
    done.answer(done.reply);
  }
}

// --- across restarts -----------------------------------------------------------------------------

void IngestSource::remember(std::string key) {
  if (!seen_.insert(key).second) return;
  seen_order_.push_back(std::move(key));
  if (seen_order_.size() <= kRememberedMax) return;
  seen_.erase(seen_order_.front());
  seen_order_.pop_front();
}

std::string IngestSource::position() const {
  std::string out;
  for (const std::string& key : seen_order_) out += key;
  return out;
}

void IngestSource::restore(std::string_view position) {
  for (; position.size() >= kShortKeyBytes; position.remove_prefix(kShortKeyBytes))
    remember(std::string(position.substr(0, kShortKeyBytes)));
}

void IngestSource::replayed(std::string_view ident) { remember(std::string(ident)); }

}  // namespace streamflow::http
