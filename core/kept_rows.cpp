#include "core/kept_rows.h"

#include <algorithm>
#include <cstring>

namespace streamflow {
namespace {

constexpr size_t kLayoutsMax = 64;  // known at a time

// How a cell is kept: its kind, or one of these.
constexpr auto kToken = static_cast<unsigned char>(0x40);   // JSON text, as it came
constexpr auto kMember = static_cast<unsigned char>(0x41);  // JSON text inside the origin's

bool has_text(Kind kind) {
  return kind == Kind::kString || kind == Kind::kBytes || kind == Kind::kList ||
         kind == Kind::kMap || kind == Kind::kError;
}
bool has_word(Kind kind) {
  return kind == Kind::kBool || is_number(kind) || kind == Kind::kTimestamp ||
         kind == Kind::kDuration;
}

void keep_cell(const Column* column, uint32_t row, std::string_view origin, std::string& out) {
  if (column == nullptr) return out.push_back(static_cast<char>(Kind::kMissing));
  if (const std::string_view token = column->token(row); !token.empty()) {
    const bool inside = !origin.empty() && token.data() >= origin.data() &&
                        token.data() + token.size() <= origin.data() + origin.size();
    out.push_back(static_cast<char>(inside ? kMember : kToken));
    if (!inside) return save_text(token, out);
    save_count(static_cast<uint64_t>(token.data() - origin.data()), out);
    return save_count(token.size(), out);
  }
  const Kind kind = column->kind(row);
  if (has_text(kind)) {
    out.push_back(static_cast<char>(kind));
    save_text(column->text(row), out);
  } else if (has_word(kind)) {
    out.push_back(static_cast<char>(kind));
    save_word(column->bits(row), out);
  } else {
    out.push_back(static_cast<char>(kind == Kind::kMissing ? kind : Kind::kNull));
  }
}

// The cells of rows of one layout, read side by side into columns.
class Restorer {
 public:
  Restorer(const RowLayout& layout, std::span<const KeptRow* const> rows)
      : layout_(layout),
        rows_(rows),
        cells_(layout.fields.size() + layout.meta.size(),
               std::vector<Cell>(rows.size())) {}

  Batch batch() {
    size_t bytes = 0;
    for (const KeptRow* row : rows_) bytes += row->cells.size();
    block_ = std::make_shared<Block>(bytes);
    for (size_t i = 0; i < rows_.size(); ++i) read(i);
    Batch out;
    out.rows = rows_.size();
    for (size_t f = 0; f < layout_.fields.size(); ++f)
      out.columns.push_back(
          {layout_.fields[f].name, column(cells_[f]), layout_.fields[f].original});
    for (size_t m = 0; m < layout_.meta.size(); ++m)
      out.meta.push_back({layout_.meta[m], column(cells_[layout_.fields.size() + m]), false});
    if (layout_.has_origin) out.origin = origin();
    if (!layout_.dropped.empty())
      out.dropped = std::make_shared<std::vector<std::string>>(layout_.dropped);
    add_times(out);
    return out;
  }

 private:
  struct Cell {
    Kind kind = Kind::kMissing;  // kPending: a token
    uint64_t word = 0;
    Token text;
  };

  // Copies the row's bytes into the block; texts are places in it.
  void read(size_t i) {
    const std::string& bytes = rows_[i]->cells;
    const auto base = static_cast<uint32_t>(block_->size);
    std::memcpy(block_->data.get() + base, bytes.data(), bytes.size());
    block_->size += bytes.size();
    StateReader in(bytes);
    const auto place = [&](std::string_view text) {
      const auto begin = base + static_cast<uint32_t>(text.data() - bytes.data());
      return Token{begin, begin + static_cast<uint32_t>(text.size())};
    };
    Token origin;
    if (layout_.has_origin) origins_.push_back(origin = place(in.text()));
    for (std::vector<Cell>& column : cells_) {
      Cell& cell = column[i];
      const unsigned char how = in.byte();
      if (how == kToken || how == kMember) {
        cell.kind = Kind::kPending;
        if (how == kToken) {
          cell.text = place(in.text());
        } else {
          cell.text.begin = origin.begin + static_cast<uint32_t>(in.count());
          cell.text.end = cell.text.begin + static_cast<uint32_t>(in.count());
        }
        continue;
      }
      cell.kind = static_cast<Kind>(how);
      if (has_text(cell.kind)) cell.text = place(in.text());
      if (has_word(cell.kind)) cell.word = in.word();
    }
  }

  ColumnPtr column(const std::vector<Cell>& cells) const {
    const bool tokens =
        std::any_of(cells.begin(), cells.end(), [](const Cell& c) { return c.kind == Kind::kPending; });
    std::shared_ptr<Column> out;
    if (tokens) {
      std::vector<Token> places(cells.size());
      for (size_t i = 0; i < cells.size(); ++i)
        if (cells[i].kind == Kind::kPending) places[i] = cells[i].text;
      out = std::make_shared<Column>(block_, std::move(places));
    } else {
      out = std::make_shared<Column>(cells.size());
      out->hold(block_);
    }
    for (size_t i = 0; i < cells.size(); ++i) set(*out, i, cells[i]);
    return out;
  }

  void set(Column& out, size_t i, const Cell& cell) const {
    if (has_text(cell.kind))
      out.set_text(i, cell.kind,
                   block_->view().substr(cell.text.begin, cell.text.end - cell.text.begin));
    else if (has_word(cell.kind))
      out.set_word(i, cell.kind, cell.word);
    else if (cell.kind == Kind::kNull)
      out.set_null(i);
    else if (cell.kind == Kind::kMissing)
      out.set_missing(i);
  }

  std::shared_ptr<const Origin> origin() {
    auto out = std::make_shared<Origin>();
    out->block = block_;
    out->rows = std::move(origins_);
    out->one_line = layout_.one_line;
    return out;
  }

  void add_times(Batch& out) const {
    auto times = std::make_shared<Times>();
    auto arrivals = std::make_shared<Times>();
    for (const KeptRow* row : rows_) {
      times->push_back(row->time);
      arrivals->push_back(row->arrival);
      out.stream_start = std::max(out.stream_start, row->stream_start);
    }
    out.time = std::move(times);
    if (rows_.front()->arrival != kTimeMin) out.arrival = std::move(arrivals);
  }

  const RowLayout& layout_;
  std::span<const KeptRow* const> rows_;
  std::vector<std::vector<Cell>> cells_;  // by field, then meta
  std::vector<Token> origins_;
  std::shared_ptr<Block> block_;
};

}  // namespace

bool RowKeeper::is_last(const Batch& batch) const {
  if (layouts_.empty()) return false;
  const RowLayout& last = *layouts_.back();
  if (last.fields.size() != batch.columns.size() || last.meta.size() != batch.meta.size() ||
      last.has_origin != (batch.origin != nullptr))
    return false;
  for (size_t i = 0; i < last.fields.size(); ++i)
    if (last.fields[i].name != batch.columns[i].name ||
        last.fields[i].original != batch.columns[i].original)
      return false;
  for (size_t i = 0; i < last.meta.size(); ++i)
    if (last.meta[i] != batch.meta[i].name) return false;
  if (batch.dropped ? last.dropped != *batch.dropped : !last.dropped.empty()) return false;
  return !batch.origin || last.one_line == batch.origin->one_line;
}

KeptRow RowKeeper::keep(const Batch& batch, uint32_t row) {
  if (!is_last(batch)) {
    RowLayout layout;
    for (const NamedColumn& c : batch.columns) layout.fields.push_back({c.name, c.original});
    for (const NamedColumn& c : batch.meta) layout.meta.push_back(c.name);
    if (batch.dropped) layout.dropped = *batch.dropped;
    layout.has_origin = batch.origin != nullptr;
    layout.one_line = layout.has_origin && batch.origin->one_line;
    intern(std::move(layout));
  }
  KeptRow out;
  out.time = (*batch.time)[row];
  if (batch.arrival) out.arrival = (*batch.arrival)[row];
  out.stream_start = batch.stream_start;
  out.layout = layouts_.back();
  const std::string_view origin = batch.origin ? batch.origin->text(row) : std::string_view();
  if (batch.origin) save_text(origin, out.cells);
  const Selection only = {row};
  for (const auto* list : {&batch.columns, &batch.meta}) {
    for (const NamedColumn& c : *list) {
      if (c.column) c.column->decode(&only);
      keep_cell(c.column.get(), row, origin, out.cells);
    }
  }
  out.cells.shrink_to_fit();
  return out;
}

KeptRow RowKeeper::keep(const Batch& batch, uint32_t row, const std::shared_ptr<const RowLayout>& layout,
                        std::span<const KeptCell> cells) {
  KeptRow out;
  out.time = (*batch.time)[row];
  if (batch.arrival) out.arrival = (*batch.arrival)[row];
  out.stream_start = batch.stream_start;
  out.layout = layout;
  size_t bytes = 0;
  for (const KeptCell& cell : cells) bytes += cell.json.size() + 12;
  out.cells.reserve(bytes);
  for (const KeptCell& cell : cells) {
    if (cell.column != nullptr) {
      keep_cell(cell.column, row, {}, out.cells);
    } else {
      out.cells.push_back(static_cast<char>(kToken));
      save_text(cell.json, out.cells);
    }
  }
  const Selection only = {row};
  for (const NamedColumn& c : batch.meta) {
    if (c.column) c.column->decode(&only);
    keep_cell(c.column.get(), row, {}, out.cells);
  }
  return out;
}

// The interned layout is the last one.
std::shared_ptr<const RowLayout> RowKeeper::intern(RowLayout layout) {
  const auto known = std::find_if(layouts_.begin(), layouts_.end(),
                                  [&](const auto& other) { return *other == layout; });
  if (known != layouts_.end()) {
    std::rotate(known, known + 1, layouts_.end());
  } else {
    if (layouts_.size() == kLayoutsMax) layouts_.erase(layouts_.begin());
    layouts_.push_back(std::make_shared<const RowLayout>(std::move(layout)));
  }
  return layouts_.back();
}

Batch RowKeeper::restore(std::span<const KeptRow* const> rows, size_t& begin) {
  size_t end = begin;
  while (end < rows.size() && end - begin < kBatchRowsMax &&
         (rows[end]->layout == rows[begin]->layout || *rows[end]->layout == *rows[begin]->layout) &&
         (rows[end]->arrival == kTimeMin) == (rows[begin]->arrival == kTimeMin))
    ++end;
  Restorer restorer(*rows[begin]->layout, rows.subspan(begin, end - begin));
  begin = end;
  return restorer.batch();
}

namespace {

void save_layout(const RowLayout& layout, std::string& out) {
  save_count(layout.fields.size(), out);
  for (const RowLayout::Field& field : layout.fields) {
    save_text(field.name, out);
    out.push_back(field.original ? 1 : 0);
  }
  for (const auto* names : {&layout.meta, &layout.dropped}) {
    save_count(names->size(), out);
    for (const std::string& name : *names) save_text(name, out);
  }
  out.push_back(static_cast<char>((layout.has_origin ? 1 : 0) | (layout.one_line ? 2 : 0)));
}

RowLayout load_layout(StateReader& in) {
  RowLayout layout;
  for (uint64_t left = in.count(); left > 0 && in.ok(); --left) {
    std::string name(in.text());
    layout.fields.push_back({std::move(name), in.byte() != 0});
  }
  for (auto* names : {&layout.meta, &layout.dropped})
    for (uint64_t left = in.count(); left > 0 && in.ok(); --left) names->emplace_back(in.text());
  const unsigned char flags = in.byte();
  layout.has_origin = (flags & 1) != 0;
  layout.one_line = (flags & 2) != 0;
  return layout;
}

void save_times(const KeptRow& row, std::string& out) {
  save_micros(row.time, out);
  save_micros(row.arrival, out);
  save_micros(row.stream_start, out);
}

void load_times(KeptRow& row, StateReader& in) {
  row.time = in.micros();
  row.arrival = in.micros();
  row.stream_start = in.micros();
}

}  // namespace

void RowKeeper::save(const KeptRow& row, std::string& out) {
  save_times(row, out);
  save_layout(*row.layout, out);
  save_text(row.cells, out);
}

KeptRow RowKeeper::load(StateReader& in) {
  KeptRow row;
  load_times(row, in);
  row.layout = intern(load_layout(in));
  row.cells = in.text();
  return row;
}

void RowKeeper::save(const KeptRow& row, const RowLayout* last, std::string& out) {
  const bool same = last != nullptr && *last == *row.layout;
  out.push_back(same ? 0 : 1);
  save_times(row, out);
  if (!same) save_layout(*row.layout, out);
  save_text(row.cells, out);
}

KeptRow RowKeeper::load(StateReader& in, const std::shared_ptr<const RowLayout>& last) {
  KeptRow row;
  const bool same = in.byte() == 0;
  if (same && !last) in.fail();
  load_times(row, in);
  row.layout = same ? last : intern(load_layout(in));
  row.cells = in.text();
  return row;
}

}  // namespace streamflow
