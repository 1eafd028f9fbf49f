// `by`: the key of a keyed step.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/expr/program.h"
#include "core/registry.h"

namespace streamflow {

struct KeyPart {
  std::string name;  // of the field in the step's output
  Type type = Type::kDyn;
  std::string text;  // the expression, as written
  std::unique_ptr<expr::Program> program;
};

class KeyColumns {
 public:
  static OptionDescriptor option();      // `by`
  static OptionDescriptor max_option();  // `max_keys`

  // From the context's `by`, or another option of keys; problems are reported, and nothing
  // returned.
  static std::unique_ptr<KeyColumns> build(BuildContext& context, std::string_view option = "by");

  const std::vector<KeyPart>& parts() const { return parts_; }
  bool keyed() const { return !parts_.empty(); }
  std::vector<std::string> names() const;

  // A readable column of each part, for the batch's rows from position `begin` on.
  std::vector<ColumnPtr> columns(const Batch& batch, size_t begin) const;
  // The reason why this row has no key, or empty.
  static std::string_view error(const std::vector<ColumnPtr>& columns, uint32_t row);
  bool can_fail() const;  // some part is computed
  // What state must have been saved by to be loaded here.
  std::string signature() const;

 private:
  std::vector<KeyPart> parts_;
};

}  // namespace streamflow
