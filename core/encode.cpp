#include "core/encode.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/decode/json.h"
#include "core/decode/json_cell.h"
#include "core/json_text.h"
#include "core/text_writer.h"

namespace streamflow {
namespace {

// A carriage return ends a line for many readers.
bool has_line_break(std::string_view text) {
  return std::memchr(text.data(), '\n', text.size()) != nullptr ||
         std::memchr(text.data(), '\r', text.size()) != nullptr;
}

void put_nested(std::string_view json, TextWriter& out) {
  if (!has_line_break(json)) return out.put(json);
  minify_json(json, out.string());
}

void put_integer(int64_t i, TextWriter& out) {
  char text[24];
  out.put({text, static_cast<size_t>(std::to_chars(text, text + sizeof text, i).ptr - text)});
}

Micros floor_divide(Micros time, Micros by) { return time / by - (time % by < 0 ? 1 : 0); }

void put_timestamp(Micros time, TimestampStyle style, TextWriter& out) {
  switch (style) {
    case TimestampStyle::kRfc3339: {
      char text[kRfc3339Max];
      out.put({text, format_rfc3339(time, text)});
      return;
    }
    case TimestampStyle::kSeconds:
      return put_integer(floor_divide(time, kMicrosPerSecond), out);
    case TimestampStyle::kMillis:
      return put_integer(floor_divide(time, kMicrosPerMilli), out);
    case TimestampStyle::kMicros:
      return put_integer(time, out);
    case TimestampStyle::kNanos:
      put_integer(time, out);
      if (time != 0) out.put("000");
      return;
  }
}

// A computed cell, not a token.
void put_value(const Column& column, uint32_t row, TimestampStyle style, TextWriter& out) {
  switch (column.kind(row)) {
    case Kind::kBool:
      return out.put(column.bits(row) != 0 ? std::string_view("true") : "false");
    case Kind::kInt:
      return put_integer(static_cast<int64_t>(column.bits(row)), out);
    case Kind::kDouble:
      return append_json_double(column.real(row), out.string());
    case Kind::kString:
      return append_json_string(column.text(row), out.string());
    case Kind::kTimestamp:
      if (style != TimestampStyle::kRfc3339) {
        return put_timestamp(static_cast<Micros>(column.bits(row)), style, out);
      }
      out.put('"');
      put_timestamp(static_cast<Micros>(column.bits(row)), style, out);
      return out.put('"');
    case Kind::kList:
    case Kind::kMap:
      return put_nested(column.text(row), out);
    case Kind::kUint:
    case Kind::kBytes:
    case Kind::kDuration:
    case Kind::kType:
    case Kind::kOptional:
      return append_json(column.value(row), out.string());
    case Kind::kMissing:
    case Kind::kNull:
    case Kind::kError:
    case Kind::kPending:
      return out.put("null");
  }
}

// One column with what is written before each of its cells.
struct Member {
  Member(std::string_view field, const Column& cells) : name(field), column(&cells) {
    append_json_string(field, prefix);
    prefix += ':';
    prefix_size = prefix.size();
    prefix.append(TextWriter::kStep, '\0');
    if (cells.has_tokens()) {
      tokens = cells.tokens();
      text = cells.token_text();
    }
  }

  std::string name;
  const Column* column;
  std::string prefix = std::string(1, ',');  // `,"name":` and padding
  size_t prefix_size = 0;
  const Token* tokens = nullptr;
  const char* text = nullptr;

  void put_prefix(TextWriter& out, bool comma) const {
    const size_t skip = comma ? 0 : 1;
    out.put_padded(prefix.data() + skip, prefix_size - skip);
  }

  // `"name":value`; false where the cell is missing, which is left out.
  bool put(uint32_t row, TimestampStyle style, bool comma, TextWriter& out) const {
    if (tokens != nullptr && tokens[row].begin != tokens[row].end) {
      const char* const begin = text + tokens[row].begin;
      const char* end = text + tokens[row].end;
      while (is_json_blank(end[-1])) --end;
      const auto size = static_cast<size_t>(end - begin);
      const size_t skip = comma ? 0 : 1;
      if (*begin != '{' && *begin != '[') {
        out.put_padded(prefix.data() + skip, prefix_size - skip, begin, size);
      } else {
        put_prefix(out, comma);
        put_nested({begin, size}, out);
      }
      return true;
    }
    const Kind kind = column->kind(row);
    if (kind == Kind::kMissing || kind == Kind::kPending) return false;
    put_prefix(out, comma);
    put_value(*column, row, style, out);
    return true;
  }
};

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

// Three ways to write a row: as it came (`untouched_`), its origin with changes, or its columns.
struct RecordEncoder::Plan {
  enum Action : int { kKeep = -1, kLeaveOut = -2 };  // else: replace by members[action]
  struct Seen {
    std::string key;  // as it is written, without quotes
    int action = kKeep;
  };

  Plan(const Batch& b, TimestampStyle s) : batch(b), style(s) {
    untouched = b.origin != nullptr && (!b.dropped || b.dropped->empty());
    for (const NamedColumn& c : b.columns) {
      if (b.origin && c.original) continue;
      untouched = false;
      members.emplace_back(c.name, *c.column);
    }
    placed.resize(members.size());
  }

  bool is_one_line(std::string_view text) const {
    return batch.origin->one_line || !has_line_break(text);
  }

  void put(uint32_t row, TextWriter& out) {
    if (!batch.origin) return put_columns(row, out);
    const std::string_view text = batch.origin->text(row);
    if (is_one_line(text)) {
      if (untouched) return out.put(text);
      return put_changed(text, row, out);
    }
    scratch.clear();
    minify_json(text, scratch);
    if (untouched) return out.put(scratch);
    put_changed(scratch, row, out);
  }

  void put_columns(uint32_t row, TextWriter& out) const {
    out.put('{');
    bool comma = false;
    for (const Member& member : members) comma |= member.put(row, style, comma, out);
    out.put('}');
  }

  // Runs of members that stay are copied at once, with the blanks between them.
  void put_changed(std::string_view text, uint32_t row, TextWriter& out) {
    std::fill(placed.begin(), placed.end(), char{0});
    out.put('{');
    bool comma = false;
    const char* run = nullptr;
    const char* run_end = nullptr;
    const auto end_run = [&] {
      if (run == nullptr) return;
      if (comma) out.put(',');
      out.put({run, static_cast<size_t>(run_end - run)});
      comma = true;
      run = nullptr;
    };
    JsonMembers walk(text);
    for (size_t i = 0; walk.next(); ++i) {
      const int action = action_of(i, walk.key);
      if (action == kKeep) {
        if (run == nullptr) run = walk.key.data() - 1;
        run_end = walk.value.data() + walk.value.size();
        continue;
      }
      end_run();
      if (action == kLeaveOut || placed[static_cast<size_t>(action)] != 0) continue;
      placed[static_cast<size_t>(action)] = 1;
      comma |= members[static_cast<size_t>(action)].put(row, style, comma, out);
    }
    end_run();
    for (size_t i = 0; i < members.size(); ++i) {
      if (placed[i] == 0) comma |= members[i].put(row, style, comma, out);
    }
    out.put('}');
  }

  // Neighbouring records tend to have the same keys in the same order.
  int action_of(size_t index, std::string_view key) {
    if (index < layout.size() && layout[index].key == key) return layout[index].action;
    const int action = find_action(key);
    if (index >= kLayoutMax) return action;
    if (index >= layout.size()) layout.resize(index + 1);
    layout[index] = {std::string(key), action};
    return action;
  }

  int find_action(std::string_view key) const {
    const auto is_key = [key](std::string_view name) { return json_key_is(key, name); };
    if (batch.dropped && std::any_of(batch.dropped->begin(), batch.dropped->end(), is_key)) {
      return kLeaveOut;
    }
    for (size_t i = 0; i < members.size(); ++i) {
      if (is_key(members[i].name)) return static_cast<int>(i);
    }
    return kKeep;
  }

  static constexpr size_t kLayoutMax = 256;

  const Batch& batch;
  TimestampStyle style;
  bool untouched = false;
  std::vector<Member> members;  // that are written from columns, in order
  std::vector<char> placed;     // of members: already written in this row
  std::vector<Seen> layout;     // by index of the member
  std::string scratch;
};

RecordEncoder::RecordEncoder(const Batch& batch, TimestampStyle style)
    : plan_(std::make_unique<Plan>(batch, style)) {}
RecordEncoder::~RecordEncoder() = default;

void RecordEncoder::append(uint32_t row, std::string& out) {
  TextWriter writer(out);
  plan_->put(row, writer);
}

TimestampStyle timestamp_style(std::string_view option) {
  if (option == "s") return TimestampStyle::kSeconds;
  if (option == "ms") return TimestampStyle::kMillis;
  if (option == "us") return TimestampStyle::kMicros;
  if (option == "ns") return TimestampStyle::kNanos;
  return TimestampStyle::kRfc3339;
}

void append_record(const Batch& batch, uint32_t row, TimestampStyle style, std::string& out) {
  RecordEncoder(batch, style).append(row, out);
}

namespace {

// Untouched records of a block of lines: those that follow each other in it, with one line feed
// between them, are copied at once.
void append_lines(const Batch& batch, size_t begin, std::string& out) {
  const Token* const rows = batch.origin->rows.data();
  const char* const text = batch.origin->block->data.get();
  const size_t size = batch.origin->block->size;
  const uint32_t* const selected = batch.selected ? batch.selected->data() : nullptr;
  const size_t count = batch.count();
  const auto row_at = [rows, selected](size_t i) {
    return rows[selected != nullptr ? selected[i] : i];
  };
  for (size_t i = begin; i < count;) {
    Token run = row_at(i);
    const auto feed_follows = [&] { return run.end < size && text[run.end] == '\n'; };
    for (++i; i < count && feed_follows() && row_at(i).begin == run.end + 1; ++i) {
      run.end = row_at(i).end;
    }
    const bool feed = feed_follows();  // the block's own comes along
    out.append(text + run.begin, run.end - run.begin + (feed ? 1 : 0));
    if (!feed) out += '\n';
  }
}

}  // namespace

void RecordEncoder::append_from(size_t begin, std::string& out) {
  const Batch& batch = plan_->batch;
  if (begin >= batch.count()) return;
  if (plan_->untouched && batch.origin->one_line) return append_lines(batch, begin, out);
  TextWriter writer(out);
  for (size_t i = begin; i < batch.count(); ++i) {
    plan_->put(batch.row_at(i), writer);
    writer.put('\n');
  }
}

void append_records(const Batch& batch, size_t begin, TimestampStyle style, std::string& out) {
  RecordEncoder(batch, style).append_from(begin, out);
}

void append_cell(const Column& column, uint32_t row, TimestampStyle style, std::string& out) {
  TextWriter writer(out);
  const std::string_view token = column.token(row);
  if (token.empty()) return put_value(column, row, style, writer);
  put_nested(token, writer);
}

void append_cell_text(const Column& column, uint32_t row, TimestampStyle style, std::string& out) {
  const std::string_view token = column.token(row);
  if (!token.empty()) {
    const char* const end = token.data() + token.size();
    if (token.front() == '"') return unescape_json_string(token.data(), end, out);
    if (token == "null") return;
    TextWriter writer(out);
    return put_nested(token, writer);
  }
  switch (column.kind(row)) {
    case Kind::kMissing:
    case Kind::kNull:
    case Kind::kPending:
    case Kind::kError:
      return;
    case Kind::kString:
      out.append(column.text(row));
      return;
    case Kind::kTimestamp: {
      TextWriter writer(out);
      return put_timestamp(static_cast<Micros>(column.bits(row)), style, writer);
    }
    case Kind::kBytes:
    case Kind::kDuration: {
      std::string quoted;
      append_json(column.value(row), quoted);
      out.append(quoted, 1, quoted.size() - 2);
      return;
    }
    default: {
      TextWriter writer(out);
      return put_value(column, row, style, writer);
    }
  }
}

std::vector<std::string> record_fields(const Batch& batch) {
  std::vector<std::string> names;
  if (!batch.origin) {
    for (const NamedColumn& c : batch.columns) names.push_back(c.name);
    return names;
  }
  if (batch.empty()) return names;
  JsonMembers walk(batch.origin->text(batch.row_at(0)));
  while (walk.next()) {
    std::string name;
    unescape_json_string(walk.key.data() - 1, walk.key.data() + walk.key.size() + 1, name);
    const bool gone = batch.dropped && contains(*batch.dropped, name);
    if (!gone && !contains(names, name)) names.push_back(std::move(name));
  }
  for (const NamedColumn& c : batch.columns) {
    if (!c.original && !contains(names, c.name)) names.push_back(c.name);
  }
  return names;
}

}  // namespace streamflow
