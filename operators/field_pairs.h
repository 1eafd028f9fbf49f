// The fields that a step works on: `a`, `[a, b]` in place, `{new: old}` beside the old one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry.h"

namespace streamflow {

struct FieldPair {
  std::string from;
  std::string to;  // the same where it is in place
};

enum class FieldValues : unsigned char { kAny, kNumbers };

// From an option of type kFields or kNames: notes what is read and what the output has.  With
// kNumbers a field that is known to hold something else is a mistake.  Nothing: reported.
std::optional<std::vector<FieldPair>> read_field_pairs(BuildContext& context,
                                                       std::string_view option,
                                                       FieldValues values = FieldValues::kAny);

// Whether the step's records have this field as far as is known; if not it is reported (E0406).
bool check_field(BuildContext& context, const SpecValue& name);
// The same, and that it is not known to hold something else than numbers (E0430).
bool check_numeric_field(BuildContext& context, const SpecValue& name);

// The keys of a step that passes records on become those of its output, where they are its fields.
class KeyColumns;
void note_keys(BuildContext& context, const KeyColumns& keys);

// The columns of one batch that a step changes.  Every record gets the fields anew, so that what is
// written for one does not depend on its neighbours; cells that are not set keep their text.
class FieldEdit {
 public:
  // The selected rows are made readable.
  FieldEdit(const Batch& batch, const std::vector<FieldPair>& pairs);

  const Column& from(size_t field) const { return *from_[field]; }
  // The cell to be set, without the text that it came with.
  Column& to(size_t field, uint32_t row) {
    to_[field]->forget_text(row);
    return *to_[field];
  }
  // Puts the columns into a batch of the same rows.
  void apply(Batch& batch) const;

 private:
  const std::vector<FieldPair>& pairs_;
  std::vector<ColumnPtr> from_;
  std::vector<std::shared_ptr<Column>> to_;
};

// The field's cells, readable in the selected rows; all missing where no record has it.
ColumnPtr readable_field(const Batch& batch, std::string_view name);

// Whether a cell is a finite number.
bool is_finite_number(const Column& column, uint32_t row);
// "smooth: cannot take a string".
std::string not_a_number(std::string_view verb, Kind kind);

}  // namespace streamflow
