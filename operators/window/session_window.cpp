#include "operators/window/session_window.h"

#include <algorithm>

namespace streamflow {

// Sessions that end on the way are closed here, so that a batch's results are one batch.
size_t SessionWindow::process(const Batch& batch, size_t begin_at, Emitter& out) {
  begin(batch, begin_at);
  late_.clear();
  size_t at = begin_at;
  while (true) {
    at = take_rows(batch, at, out);
    if (at == batch.count() || results_.rows() == kBatchRowsMax) break;
    if (!close_due((*batch.watermark)[batch.row_at(at)])) break;
  }
  const bool closed = results_.rows() != 0;
  send(out);
  send_late(batch, late_, out);
  if (at > begin_at) dirty_.set(0);
  if (at == batch.count()) inputs_.release();
  if (closed) ids_.forget_dead();
  return at;
}

// Up to the first record whose watermark closes a session.
size_t SessionWindow::take_rows(const Batch& batch, size_t at, Emitter& out) {
  const size_t begin_at = at;
  rows_.clear();
  // What is due can change with every record; a session opened here has the earliest end of all
  // that are.
  Micros deadline = next_deadline();
  for (; at < batch.count(); ++at) {
    const uint32_t row = batch.row_at(at);
    if ((*batch.watermark)[row] >= deadline && deadline != kTimeMax) break;
    const Micros time = (*batch.time)[row];
    if (time < -kWindowTimeMax || time > kWindowTimeMax) {
      out.fail(batch, row, "window: the record's time is out of range");
      continue;
    }
    const Micros end = time + plan_.gap;
    if (end >= (*batch.watermark)[row]) deadline = std::min(deadline, end + 1);
    rows_.push_back(row);
  }
  take_ids(batch, out);
  for (size_t i = 0; i < rows_.size(); ++i) place(batch, i, out);
  flush(batch, out);
  ids_.unpin();
  if (at > begin_at && batch.arrival) arrival_ = (*batch.arrival)[batch.row_at(at - 1)];
  return at;
}

void SessionWindow::place(const Batch& batch, size_t i, Emitter& out) {
  const uint32_t row = rows_[i], id = row_ids_[i];
  const Micros time = (*batch.time)[row];
  if (heads_.size() < ids_.capacity()) heads_.resize(ids_.capacity(), kNone);
  uint32_t before = kNone, session = heads_[id];
  while (session != kNone && end_of(sessions_[session]) < time) {
    before = session;
    session = sessions_[session].next;
  }
  if (session != kNone && sessions_[session].first - plan_.gap <= time) {
    Session& there = sessions_[session];
    there.first = std::min(there.first, time);
    there.last = std::max(there.last, time);
    join_next(batch, session, out);
  } else if (time + plan_.gap < (*batch.watermark)[row]) {
    late_.push_back(row);
    return;
  } else {
    session = open(id, time, before, session);
  }
  pending_rows_.push_back(row);
  pending_groups_.push_back(sessions_[session].group);
  touch(id);
}

uint32_t SessionWindow::open(uint32_t id, Micros time, uint32_t before, uint32_t after) {
  uint32_t session = free_;
  if (session == kNone) {
    session = static_cast<uint32_t>(sessions_.size());
    sessions_.emplace_back();
  } else {
    free_ = sessions_[session].next;
  }
  sessions_[session] = {time, time, id, groups_.take(), after};
  (before == kNone ? heads_[id] : sessions_[before].next) = session;
  looks_.push({time + plan_.gap, session});
  ids_.retain(id);
  ++open_;
  return session;
}

// The session may now touch the one after it.
void SessionWindow::join_next(const Batch& batch, uint32_t session, Emitter& out) {
  const uint32_t next = sessions_[session].next;
  if (next == kNone || sessions_[next].first > end_of(sessions_[session])) return;
  flush(batch, out);
  groups_.merge(sessions_[session].group, sessions_[next].group);
  sessions_[session].last = std::max(sessions_[session].last, sessions_[next].last);
  sessions_[session].next = sessions_[next].next;
  groups_.give_back(sessions_[next].group);
  remove(next);
}

void SessionWindow::flush(const Batch& batch, Emitter& out) {
  absorb(batch, pending_rows_, pending_groups_, out);
  pending_rows_.clear();
  pending_groups_.clear();
}

// Its group is given back, and its key's list is without it.
void SessionWindow::remove(uint32_t session) {
  ids_.release(sessions_[session].id);
  sessions_[session].id = kNone;
  sessions_[session].next = free_;
  free_ = session;
  --open_;
}

Micros SessionWindow::next_deadline() const {
  if (due_next_ < due_.size()) return end_of(sessions_[due_[due_next_]]) + 1;
  return looks_.empty() ? kTimeMax : looks_.top().end + 1;
}

// The sessions whose end is before `upto`, in order.
void SessionWindow::gather_due(Micros upto) {
  due_.clear();
  due_next_ = 0;
  while (!looks_.empty() && looks_.top().end < upto) {
    const Look look = looks_.top();
    looks_.pop();
    const Session& session = sessions_[look.session];
    if (session.id == kNone) continue;
    const Micros end = end_of(session);
    if (end < upto) {
      due_.push_back(look.session);
    } else {
      looks_.push({end, look.session});
    }
  }
  // A place that was freed and taken again may have been looked at twice.
  std::sort(due_.begin(), due_.end());
  due_.erase(std::unique(due_.begin(), due_.end()), due_.end());
  if (due_.size() < 2) return;
  std::vector<uint32_t> ids;
  for (const uint32_t session : due_) ids.push_back(sessions_[session].id);
  ids_.sort(ids);
  ranks_.resize(ids_.capacity());
  for (size_t i = 0; i < ids.size(); ++i) ranks_[ids[i]] = static_cast<uint32_t>(i);
  std::sort(due_.begin(), due_.end(), [this](uint32_t a, uint32_t b) {
    const Micros end_a = end_of(sessions_[a]), end_b = end_of(sessions_[b]);
    if (end_a != end_b) return end_a < end_b;
    return ranks_[sessions_[a].id] < ranks_[sessions_[b].id];
  });
}

// Adds results of what is due until there are as many as a batch holds; true: of all.
bool SessionWindow::close_due(Micros upto) {
  dirty_.set(0);
  if (due_next_ == due_.size()) gather_due(upto);
  for (; due_next_ < due_.size() && results_.rows() < kBatchRowsMax; ++due_next_) {
    const uint32_t at = due_[due_next_];
    const Session& session = sessions_[at];
    const Micros end = end_of(session);
    results_.add({session.first, end, end, upto, session.id, false, 0, true, arrival_});
    results_.merge(groups_, session.group);
    heads_[session.id] = session.next;  // the key's sessions end in order
    touch(session.id);
    groups_.give_back(session.group);
    remove(at);
  }
  if (due_next_ < due_.size()) return false;
  due_.clear();
  due_next_ = 0;
  return true;
}

bool SessionWindow::on_watermark(Micros upto, Emitter& out) {
  const bool done = close_due(upto);
  const bool sent = results_.rows() != 0;
  send(out);
  if (!done) return false;
  if (upto != kTimeMax) last_forwarded_ = std::max(last_forwarded_, upto);
  if (sent) ids_.forget_dead();
  return true;
}

std::string SessionWindow::unfinished() const {
  if (open_ == 0) return {};
  return std::to_string(open_) + (open_ == 1 ? " open session" : " open sessions");
}

// Of each session first and last time, aggregates.
void SessionWindow::save_keys(const Place& place) const {
  for (const Session& session : sessions_) {
    std::string* const out = session.id != kNone ? place(session.id) : nullptr;
    if (out == nullptr) continue;
    save_micros(session.first, *out);
    save_micros(session.last, *out);
    groups_.save(session.group, *out);
  }
}

void SessionWindow::load_keys(StateReader& in) {
  const uint32_t id = load_key(in);
  const Micros first = in.micros(), last = in.micros();
  if (first < -kWindowTimeMax || last > kWindowTimeMax || first > last) in.fail();
  if (!in.ok()) return;
  if (heads_.size() < ids_.capacity()) heads_.resize(ids_.capacity(), kNone);
  uint32_t before = kNone, after = heads_[id];
  while (after != kNone && sessions_[after].first < first) {
    before = after;
    after = sessions_[after].next;
  }
  const uint32_t session = open(id, first, before, after);
  sessions_[session].last = last;
  groups_.load(sessions_[session].group, in);
}

void SessionWindow::forget_keys(unsigned partition_) {
  due_.clear();
  due_next_ = 0;
  for (uint32_t at = 0; at < sessions_.size(); ++at) {
    const uint32_t id = sessions_[at].id;
    if (id == kNone || partition(id) != partition_) continue;
    heads_[id] = kNone;
    groups_.give_back(sessions_[at].group);
    remove(at);
  }
}

}  // namespace streamflow
