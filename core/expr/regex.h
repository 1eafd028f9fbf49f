// Regular expressions in calls: the constant one that the checker compiled, else this call's own.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string>
#include <string_view>

#include "core/expr/eval.h"
#include "core/expr/functions.h"

namespace streamflow::expr {

inline re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

class Pattern {
 public:
  // The pattern is the argument at `index`.
  Pattern(const Call& call, size_t index) : pattern_(call.node.pattern) {
    if (pattern_) return;
    if (call.evaluator.spend(kCompileSteps + call[index].text().size()))
      pattern_ = std::make_shared<const re2::RE2>(piece(call[index].text()), re2::RE2::Quiet);
  }
  bool ok() const { return pattern_ && pattern_->ok(); }
  Value error() const {
    if (!pattern_) return Evaluator::too_much();
    return Value::error("bad regular expression: " + pattern_->error());
  }
  const re2::RE2& operator*() const { return *pattern_; }

 private:
  static constexpr size_t kCompileSteps = 200;
  std::shared_ptr<const re2::RE2> pattern_;
};

}  // namespace streamflow::expr
