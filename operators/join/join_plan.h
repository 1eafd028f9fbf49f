// What a join does, made by its builder and fixed from then on.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/expr/program.h"
#include "core/time.h"

namespace streamflow {

enum class JoinHow : unsigned char { kInner, kLeft, kOuter, kAsof, kNearest };
enum class Side : unsigned char { kLeft, kRight };

inline Side side_of(const Batch& batch) { return batch.input == 0 ? Side::kLeft : Side::kRight; }

// One part of the key: what equals what.
struct JoinKey {
  std::string name;        // the field that holds it in a record without a left one
  std::string right_name;  // the right's field, which the joined record leaves out; empty: computed
  std::unique_ptr<expr::Program> left, right;
};

struct TakenField {
  std::string name;
  std::unique_ptr<expr::Program> program;  // over the right record
};

struct JoinPlan {
  JoinHow how = JoinHow::kInner;
  std::vector<JoinKey> keys;
  // Bounds of right.time - left.time, both included.  Of `asof` and `nearest` only `most` is used.
  bool bounded = false;
  Micros least = 0, most = 0;
  size_t records_max = 1'000'000;  // of each side
  std::string suffix = "_right";
  bool take_all = true;
  std::vector<TakenField> take;           // otherwise
  std::vector<std::string> left_fields;   // that are known of the left record, in order
  std::vector<std::string> right_fields;  // that are known to come from the right one, in order
  std::unique_ptr<expr::Program> where;   // over the joined record; may be null

  bool keeps_unmatched(Side side) const {
    return how == JoinHow::kOuter || (how != JoinHow::kInner && side == Side::kLeft);
  }
};

// What state must have been saved by to be loaded here.
std::string join_signature(const JoinPlan& plan);

// Times near the ends of int64 stay there.
inline Micros later(Micros time, Micros by) {
  Micros sum = 0;
  if (!__builtin_add_overflow(time, by, &sum)) return sum;
  return by > 0 ? kTimeMax : kTimeMin;
}
inline Micros earlier(Micros time, Micros by) {
  if (time == kTimeMin || time == kTimeMax) return time;
  Micros difference = 0;
  if (!__builtin_sub_overflow(time, by, &difference)) return difference;
  return by > 0 ? kTimeMin : kTimeMax;
}

}  // namespace streamflow
