#include "operators/top/top_order.h"

#include "operators/expression_option.h"

namespace streamflow {

OptionDescriptor TopOrder::option() {
  return {.name = "of",
          .type = OptionType::kTexts,
          .help =
              "the order: a field or a list of them, a minus before it sorts down; then time, then "
              "arrival"};
}

std::optional<TopOrder> TopOrder::build(BuildContext& context) {
  TopOrder order;
  bool good = true;
  for (const SpecValue* item : context.params.list("of")) {
    Part part;
    part.down = item->text.starts_with('-');
    SpecValue value = *item;
    // A blank, so that places in the text stay.
    if (part.down) value.text[0] = ' ';
    part.program = compile_option(context, value, context.input);
    good = good && part.program != nullptr;
    order.parts_.push_back(std::move(part));
  }
  if (!good) return std::nullopt;
  return order;
}

std::vector<ColumnPtr> TopOrder::columns(const Batch& batch, size_t begin) const {
  std::vector<ColumnPtr> columns;
  for (const Part& part : parts_) columns.push_back(column_of(*part.program, batch, begin));
  return columns;
}

std::string_view TopOrder::error(const std::vector<ColumnPtr>& columns, uint32_t row) {
  for (const ColumnPtr& column : columns) {
    const Kind kind = column->kind(row);
    if (kind == Kind::kError) return column->text(row);
    if (kind > Kind::kNull && !StoredCell::orderable(kind))
      return "top: lists and maps have no order";
  }
  return {};
}

namespace {

int with_nulls(bool a_null, bool b_null, bool down, int order) {
  if (a_null || b_null) return static_cast<int>(a_null) - static_cast<int>(b_null);
  return down ? -order : order;
}

}  // namespace

int TopOrder::compare(const std::vector<StoredCell>& a, const std::vector<StoredCell>& b) const {
  for (size_t i = 0; i < parts_.size(); ++i) {
    const bool a_null = a[i].kind() <= Kind::kNull, b_null = b[i].kind() <= Kind::kNull;
    const int order = a_null || b_null ? 0 : a[i].compare(b[i]);
    if (const int c = with_nulls(a_null, b_null, parts_[i].down, order); c != 0) return c;
  }
  return 0;
}

int TopOrder::compare(const std::vector<ColumnPtr>& a, uint32_t row,
                      const std::vector<StoredCell>& b) const {
  for (size_t i = 0; i < parts_.size(); ++i) {
    const bool a_null = a[i]->kind(row) <= Kind::kNull, b_null = b[i].kind() <= Kind::kNull;
    const int order = a_null || b_null ? 0 : -b[i].compare(*a[i], row);
    if (const int c = with_nulls(a_null, b_null, parts_[i].down, order); c != 0) return c;
  }
  return 0;
}

}  // namespace streamflow
