// Where bodies leave the server's thread for the pipeline's.  Internal to the ingest source.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/decode/json_check.h"
#include "core/ingest.h"
#include "core/loop.h"

namespace streamflow::http {

struct IngestOptions {
  Ingest* ingest = nullptr;  // null: there is no server (check, explain, replay)
  std::string path;
  std::string token;                 // empty: none is asked for
  std::vector<std::string> headers;  // kept in meta.headers; small letters
  size_t body_bytes_max = 0;
};

// Called on the loop's thread.
class IntakeOwner {
 public:
  virtual ~IntakeOwner() = default;
  // A good body with so many records.
  virtual void take(IngestRequest request, uint64_t records) = 0;
  virtual void refuse(const JsonProblem& problem) = 0;
};

// Admits, bounds and checks bodies on the server's thread and posts the good ones to the loop's.
class Intake final : public IngestReceiver, public std::enable_shared_from_this<Intake> {
 public:
  // Of bodies handed over and not answered; beyond, 429.  One body may always come.
  static constexpr size_t kInFlightMax = size_t{8} << 20;
  static constexpr unsigned kRetryAfter = 1;  // seconds

  Intake(IngestOptions options, Loop& loop, IntakeOwner& owner)
      : options_(std::move(options)), loop_(loop), owner_(&owner) {}

  IngestReply admit(const IngestHead& head) override;
  void receive(IngestRequest request) override;
  size_t body_bytes_max() const override { return options_.body_bytes_max; }

  // From the loop's thread:
  void pause(bool paused) { paused_.store(paused); }
  void settled(size_t bytes) { in_flight_.fetch_sub(bytes); }  // answered
  void leave() { owner_ = nullptr; }                           // what still comes is answered 503
  static IngestReply stopping();

 private:
  static IngestReply busy();

  const IngestOptions options_;
  Loop& loop_;
  std::atomic<bool> paused_{false};
  std::atomic<size_t> in_flight_{0};
  JsonChecker checker_;  // the server's thread's
  IntakeOwner* owner_;   // the loop's thread's
};

}  // namespace streamflow::http
