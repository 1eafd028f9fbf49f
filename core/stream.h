// How rows go from node to node: outlets that copy to every target, the side outputs of a stream
// (NAME.late, NAME.errors) and the head of a stream with several inputs.  All on the loop thread.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/batch.h"
#include "core/schema.h"
#include "core/status.h"

namespace streamflow {

// Where rows go from a node: all of them to every target.
class Port {
 public:
  virtual ~Port() = default;
  virtual void rows(const Batch& batch) = 0;
  virtual void watermark(Micros mark) = 0;
  virtual void idle(bool idle) = 0;
};

class Outlet {
 public:
  void add(Port* target) { targets_.push_back(target); }
  void capture(std::function<void(const Batch&)> fn) { captures_.push_back(std::move(fn)); }
  void rows(const Batch& batch);
  void watermark(Micros mark);
  void idle(bool idle);
  bool used() const { return !targets_.empty() || !captures_.empty(); }
  uint64_t copied = 0, unused = 0;

 private:
  std::vector<Port*> targets_;
  std::vector<std::function<void(const Batch&)>> captures_;  // tests and replay; no edges
  Micros forwarded_ = kTimeMin;
};

// NAME.late and NAME.errors: their event time is the arrival stamp, which is their watermark too; the
// clock moves it where the loop has one.
class SideStream {
 public:
  void rows(const Batch& batch);
  void watermark(Micros now);
  Micros watermark() const { return stamp_; }
  void restore(Micros stamp) { stamp_ = stamp; }
  bool used() const { return outlet.used(); }
  Outlet outlet;
  uint64_t created = 0;

 private:
  Micros stamp_ = kTimeMin;
};

// The head of a stream with several inputs.  Its watermark is the least of those that are neither idle
// nor ended; when all of these are idle, the least of theirs, of which one that never sent a record has
// none.  Side streams hold it back, but do not move it on alone while there are others: the clock is
// theirs.  When all inputs have ended it ends.
class MergeNode {
 public:
  explicit MergeNode(size_t inputs);
  Port* input(size_t i) { return &inputs_[i]; }
  void input_is_side(size_t i) { inputs_[i].is_side = true; }
  Outlet outlet;
  std::string key;
  void save(std::string& out) const;
  Status load(std::string_view bytes);

 private:
  struct Input final : Port {
    MergeNode* merge = nullptr;
    Micros mark = kTimeMin;
    bool is_idle = false;
    bool is_side = false;  // moved by side streams only
    bool has_ended = false;
    void rows(const Batch& batch) override { merge->take(*this, batch); }
    void watermark(Micros w) override {
      w == kTimeMax ? void(has_ended = true) : note(w);
      merge->advance();
    }
    void idle(bool idle) override {
      is_idle = idle;
      merge->advance();
    }
    void note(Micros w) { mark = std::max(mark, w); }
  };
  void take(Input& from, const Batch& batch);
  Micros least() const;
  bool are_all_idle() const;
  void advance();
  std::vector<Input> inputs_;
  Micros mark_ = kTimeMin;
  bool all_idle_ = false;
};

// One named stream: where its chain ends, and its side outputs.
struct Stream {
  std::string name;
  Outlet* end = nullptr;
  Schema schema;
  SideStream late, errors;
  void save(std::string& out) const;
  Status load(std::string_view bytes);
};

}  // namespace streamflow
