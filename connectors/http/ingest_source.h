// Records that clients POST to a path of the daemon's own server.
//
// A body is taken whole or not at all: it is checked on the server's thread before anything of it
// is handed over, and one that is no JSON is answered 400 with the place, counted as undecodable
// and sent to NAME.errors.  What one turn of the loop brought goes through the pipeline, and into
// the input log, as one; each client gets 200 when no crash can lose its records
// (SourceHost::when_durable).
//
// Idempotency-Key: of the last kRememberedMax bodies with that header the key is known, also after
// a crash; such a body sent again is answered 200 and not taken twice.
//
// Backpressure: what sinks do not take goes to their buffers on disk first; while paused, or with
// too much on its way, clients get 429 with Retry-After.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/http/intake.h"
#include "core/node.h"

namespace streamflow::http {

class IngestSource final : public Source, private IntakeOwner {
 public:
  static constexpr std::string_view kMeta[] = {"path", "headers"};
  static constexpr size_t kRememberedMax = 10'000;
  static constexpr size_t kEarlyRefusedMax = 1000;  // remembered while there is no host; then clients wait
  static constexpr Micros kOpenAgain = 100 * kMicrosPerMilli;

  explicit IngestSource(IngestOptions options);
  ~IngestSource() override;

  void start(Loop& loop, SourceHost& host) override;
  void pause() override;
  void resume() override;
  bool detach() override;
  void stop() override;
  bool can_wait() const override { return false; }  // clients give up
  // The keys seen last.
  std::string position() const override;
  void restore(std::string_view position) override;
  void replayed(std::string_view ident) override;

 private:
  struct Waiting {
    uint64_t turn = 0;
    std::function<void(IngestReply)> answer;
    IngestReply reply;
    size_t bytes = 0;
  };

  void take(IngestRequest request, uint64_t records) override;
  void refuse(const JsonProblem& problem) override;

  void open();
  void go_on();
  void plan_turn();
  void end_turn();
  void settle(uint64_t turn);
  void hand_over(const IngestRequest& request);
  void remember(std::string key);

  const IngestOptions options_;
  Loop* loop_ = nullptr;
  SourceHost* host_ = nullptr;
  std::shared_ptr<Intake> intake_;                              // while it runs
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // of what the loop was asked for
  Loop::Id timer_ = 0;
  bool open_ = false, paused_ = false;
  bool wants_headers_ = false;
  std::vector<Value> meta_;
  uint64_t turn_ = 1;
  bool turn_planned_ = false;
  std::deque<Waiting> waiting_;  // in order of turns
  // What came while there was no host.
  std::vector<std::pair<IngestRequest, uint64_t>> early_;
  std::vector<JsonProblem> early_refused_;
  std::set<std::string> seen_;
  std::deque<std::string> seen_order_;
};

}  // namespace streamflow::http
