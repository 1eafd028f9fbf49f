#include "operators/join/joined_rows.h"

#include <algorithm>

#include "core/decode/json.h"
#include "operators/join/right_rows.h"

namespace streamflow {
namespace {

constexpr char kSuffixesMax = 16;

bool same_layout(const KeptRow* a, const KeptRow* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->layout == b->layout || *a->layout == *b->layout;
}

bool is_dropped(const Batch& batch, std::string_view name) {
  return batch.dropped &&
         std::find(batch.dropped->begin(), batch.dropped->end(), name) != batch.dropped->end();
}

ColumnPtr nulls(size_t rows) {
  auto column = std::make_shared<Column>(rows);
  for (size_t row = 0; row < rows; ++row) column->set_null(row);
  return column;
}

Batch rows_of(const std::vector<JoinedPair>& pairs, size_t begin, size_t& end,
              const KeptRow* JoinedPair::*side) {
  std::vector<const KeptRow*> rows;
  for (size_t i = begin; i < end; ++i) rows.push_back(pairs[i].*side);
  size_t taken = 0;
  Batch batch = RowKeeper::restore(rows, taken);
  end = begin + taken;
  return batch;
}

}  // namespace

bool JoinedRows::known_left(std::string_view name) const {
  return std::find(plan_.left_fields.begin(), plan_.left_fields.end(), name) !=
         plan_.left_fields.end();
}

void JoinedRows::make(const std::vector<JoinedPair>& pairs, const Sink& sink) {
  for (size_t begin = 0; begin < pairs.size();) {
    Run run{begin, run_end(pairs, begin)};
    Batch right;
    Batch left = sides(pairs, run, right);
    auto times = std::make_shared<Times>();
    auto arrivals = std::make_shared<Times>();
    for (size_t i = run.begin; i < run.end; ++i) {
      const JoinedPair& pair = pairs[i];
      times->push_back(pair.time);
      arrivals->push_back(std::max(pair.left ? pair.left->arrival : kTimeMin,
                                   pair.right ? pair.right->arrival : kTimeMin));
    }
    left.time = std::move(times);
    left.arrival = nullptr;
    if (arrivals->front() != kTimeMin) left.arrival = std::move(arrivals);
    split(left, right, run.begin, sink);
    begin = run.end;
  }
}

// Where the next pair is of another shape.
size_t JoinedRows::run_end(const std::vector<JoinedPair>& pairs, size_t begin) const {
  size_t end = begin + 1;
  while (end < pairs.size() && end - begin < kBatchRowsMax &&
         same_layout(pairs[end].left, pairs[begin].left) &&
         same_layout(pairs[end].right, pairs[begin].right))
    ++end;
  return end;
}

// The left records, and in `right` those of the right; a missing side is made of nulls.
Batch JoinedRows::sides(const std::vector<JoinedPair>& pairs, Run& run, Batch& right) const {
  const JoinedPair& first = pairs[run.begin];
  if (first.right != nullptr) right = rows_of(pairs, run.begin, run.end, &JoinedPair::right);
  if (first.left == nullptr) return without_left(right);
  const size_t wanted = run.end;
  Batch left = rows_of(pairs, run.begin, run.end, &JoinedPair::left);
  if (run.end < wanted && first.right != nullptr)
    right = rows_of(pairs, run.begin, run.end, &JoinedPair::right);
  if (first.right == nullptr) {
    right.rows = left.rows;
    for (const std::string& name : plan_.right_fields)
      right.columns.push_back({name, nulls(left.rows), false});
  }
  return left;
}

Batch JoinedRows::without_left(const Batch& right) const {
  Batch left;
  left.rows = right.rows;
  left.stream_start = right.stream_start;
  left.meta = right.meta;
  for (const std::string& name : plan_.left_fields)
    left.columns.push_back({name, nulls(right.rows), false});
  for (size_t i = 0; i < plan_.keys.size(); ++i) {
    const std::string hidden = hidden_key_name(i);
    if (plan_.keys[i].name.empty()) continue;
    for (const NamedColumn& c : right.columns)
      if (c.name == hidden) left.set(plan_.keys[i].name, c.column);
  }
  return left;
}

// A right field that the left record has too gets the suffix, once or until nobody has it.  That
// depends on the record where its fields are not known before: then rows that differ go to batches
// of their own.
void JoinedRows::split(const Batch& left, const Batch& right, size_t first, const Sink& sink) {
  find_suffixes(left, right);
  const auto differs = [this](uint32_t a, uint32_t b) {
    return std::any_of(suffixes_.begin(), suffixes_.end(), [a, b](const std::vector<char>& of) {
      return !of.empty() && of[a] != of[b];
    });
  };
  for (size_t begin = 0; begin < left.count();) {
    const uint32_t row = left.row_at(begin);
    size_t end = begin + 1;
    while (end < left.count() && !differs(row, left.row_at(end))) ++end;
    Batch out = slice(left, begin, end);
    add_right(out, right, row);
    sink(std::move(out), first + begin);
    begin = end;
  }
}

void JoinedRows::find_suffixes(const Batch& left, const Batch& right) {
  suffixes_.assign(right.columns.size(), {});
  std::vector<size_t> in_text;
  for (size_t f = 0; f < right.columns.size(); ++f) {
    const std::string& name = right.columns[f].name;
    if (is_hidden_key(name)) continue;
    if (known_left(name)) {
      suffixes_[f].assign(left.rows, 1);
    } else if (const Column* column = left.find(name)) {
      column->decode(nullptr);
      for (size_t row = 0; row < left.rows; ++row)
        if (column->kind(row) != Kind::kMissing) add_suffix(f, row, left.rows);
    } else if (left.origin && !is_dropped(left, name)) {
      in_text.push_back(f);
    }
  }
  if (!in_text.empty()) search_text(left, right, in_text);
  for (size_t f = 0; f < suffixes_.size(); ++f)
    for (size_t row = 0; row < suffixes_[f].size(); ++row)
      while (suffixes_[f][row] != 0 && suffixes_[f][row] < kSuffixesMax &&
             left_has(left, row, right.columns[f].name + suffix(suffixes_[f][row])))
        ++suffixes_[f][row];
}

void JoinedRows::add_suffix(size_t field, size_t row, size_t rows) {
  if (suffixes_[field].empty()) suffixes_[field].resize(rows);
  suffixes_[field][row] = 1;
}

void JoinedRows::search_text(const Batch& left, const Batch& right,
                             const std::vector<size_t>& fields) {
  for (size_t row = 0; row < left.rows; ++row) {
    JsonMembers walk(left.origin->text(row));
    while (walk.next())
      for (const size_t f : fields)
        if (json_key_is(walk.key, right.columns[f].name)) add_suffix(f, row, left.rows);
  }
}

bool JoinedRows::left_has(const Batch& left, size_t row, const std::string& name) const {
  if (known_left(name)) return true;
  if (const Column* column = left.find(name)) {
    column->decode(nullptr);
    return column->kind(row) != Kind::kMissing;
  }
  if (!left.origin || is_dropped(left, name)) return false;
  JsonMembers walk(left.origin->text(row));
  while (walk.next())
    if (json_key_is(walk.key, name)) return true;
  return false;
}

std::string JoinedRows::suffix(int times) const {
  std::string text;
  for (; times > 0; --times) text += plan_.suffix;
  return text;
}

void JoinedRows::add_right(Batch& out, const Batch& right, size_t row) const {
  std::vector<std::string> names;  // of right fields so far
  for (size_t f = 0; f < right.columns.size(); ++f) {
    std::string name = right.columns[f].name;
    if (is_hidden_key(name)) continue;
    if (!suffixes_[f].empty()) name += suffix(suffixes_[f][row]);
    while (std::find(names.begin(), names.end(), name) != names.end()) name += plan_.suffix;
    names.push_back(name);
    out.set(std::move(name), right.columns[f].column);
  }
}

}  // namespace streamflow
