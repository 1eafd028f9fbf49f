// Sessions: a key's records that follow each other within `gap`.  window_start is the first's time,
// window_end the last's plus the gap, both included; a session closes once the watermark is past
// its end, and is sent with its end as time, in order of end, then key.  A record out of order may
// join two sessions.  It is late when its own session would have ended and it touches no open one.
//
// State: 48 bytes an open session, 32 a key, and the aggregates; at most max_keys keys.
#pragma once

#include <queue>
#include <vector>

#include "operators/window/key_window.h"

namespace streamflow {

class SessionWindow final : public KeyWindow {
 public:
  explicit SessionWindow(WindowPlan plan) : KeyWindow(std::move(plan)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override;
  bool on_watermark(Micros upto, Emitter& out) override;
  Micros next_deadline() const override;
  std::string unfinished() const override;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Session {
    Micros first = 0, last = 0;
    uint32_t id = kNone;  // of the key; kNone: free
    uint32_t group = 0;
    uint32_t next = kNone;  // the key's next session in time, or the next free one
  };
  // When to look at a session: its end then.  It may have grown, or have been joined to another.
  struct Look {
    Micros end;
    uint32_t session;
    bool operator>(const Look& other) const {
      return end != other.end ? end > other.end : session > other.session;
    }
  };

  void save_keys(const Place& place) const override;
  void load_keys(StateReader& in) override;
  void forget_keys(unsigned partition) override;

  Micros end_of(const Session& session) const { return session.last + plan_.gap; }
  size_t take_rows(const Batch& batch, size_t at, Emitter& out);
  bool close_due(Micros upto);
  void place(const Batch& batch, size_t i, Emitter& out);
  void flush(const Batch& batch, Emitter& out);
  uint32_t open(uint32_t id, Micros time, uint32_t before, uint32_t after);
  void join_next(const Batch& batch, uint32_t session, Emitter& out);
  void remove(uint32_t session);
  void gather_due(Micros upto);

  std::vector<Session> sessions_;
  uint32_t free_ = kNone;
  size_t open_ = 0;
  std::vector<uint32_t> heads_;  // by id: the key's first session
  std::priority_queue<Look, std::vector<Look>, std::greater<>> looks_;
  std::vector<uint32_t> due_;  // being sent
  size_t due_next_ = 0;
  std::vector<uint32_t> ranks_;  // by id, of those that are due
  Selection late_;
  std::vector<uint32_t> pending_rows_, pending_groups_;
};

}  // namespace streamflow
