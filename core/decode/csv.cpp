#include "core/decode/csv.h"

#include <algorithm>
#include <utility>

#include "core/decode/csv_record.h"
#include "core/decode/json_cell.h"
#include "core/decode/text_rows.h"
#include "core/expr/utf8.h"
#include "core/state_bytes.h"

namespace streamflow {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

void append_latin1(std::string_view text, std::string& out) {
  for (const char c : text) expr::append_utf8(static_cast<unsigned char>(c), out);
}

// Not empty and unique.
std::vector<std::string> usable_names(std::vector<std::string> names) {
  std::vector<std::string> out;
  for (size_t i = 0; i < names.size(); ++i) {
    std::string wanted = names[i].empty() ? "column_" + std::to_string(i + 1) : names[i];
    std::string name = wanted;
    for (size_t n = 2; std::find(out.begin(), out.end(), name) != out.end(); ++n) {
      name = wanted;
      name += '_';
      name += std::to_string(n);
    }
    out.push_back(std::move(name));
  }
  return out;
}

// A JSON number and nothing behind it.
bool is_number_text(std::string_view text) {
  return !text.empty() && text.back() >= '0' && text.back() <= '9' &&
         valid_json_number(text.data(), text.data() + text.size());
}

// The digits of an integer without what JSON does not allow: `+7` and `007` are 7; empty for
// others.
std::string_view plain_integer(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const size_t first = text.find_first_not_of('0');
  if (first == std::string_view::npos) return text.empty() ? text : text.substr(text.size() - 1);
  text.remove_prefix(first);
  return text;
}

class CsvDecoder final : public Decoder {
 public:
  explicit CsvDecoder(CsvOptions options) : options_(std::move(options)) {
    if (!options_.header && !options_.names.empty()) set_names(options_.names);
  }

  void decode(const BlockPtr& block, const std::vector<Frame>* frames,
              DecoderOutput& out) override {
    if (frames == nullptr) {
      decode_lines(block->view(), out);
    } else {
      for (uint32_t i = 0; i < frames->size(); ++i) {
        const Frame frame = (*frames)[i];
        decode_message(block->view().substr(frame.begin, frame.end - frame.begin), i, out);
      }
    }
    rows_.send(out);
  }

  void finish(DecoderOutput& out) override {
    std::string_view text = waiting();
    read_all(text, false, nullptr, out);
    keep({});
    rows_.send(out);
  }

  void save(std::string& out) const override {
    out += static_cast<char>((at_start_ ? 1 : 0) | (has_names_ ? 2 : 0));
    save_count(names_.size(), out);
    for (const std::string& name : names_) save_text(name, out);
    save_text(waiting(), out);
  }

  Status load(std::string_view bytes) override {
    StateReader in(bytes);
    const unsigned char flags = in.byte();
    std::vector<std::string> names;
    for (uint64_t left = in.count(); left > 0 && in.ok(); --left) names.emplace_back(in.text());
    tail_ = in.text();
    tail_begin_ = open_ = 0;
    if (!in.ok() || !in.at_end()) return fail(ErrorKind::kIo, "the state of a CSV source is damaged");
    set_names(std::move(names));
    at_start_ = (flags & 1) != 0;
    has_names_ = (flags & 2) != 0;
    return {};
  }

 private:
  void decode_lines(std::string_view block, DecoderOutput& out) {
    if (at_start_ && block.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
      block.remove_prefix(kByteOrderMark.size());
    }
    at_start_ = at_start_ && block.empty();
    const bool waits = !waiting().empty();
    if (waits) tail_ += block;
    std::string_view text = waits ? waiting() : block;
    read_all(text, true, nullptr, out);
    keep(text);
  }

  void decode_message(std::string_view text, uint32_t frame, DecoderOutput& out) {
    if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
      text.remove_prefix(kByteOrderMark.size());
    }
    if (options_.header) has_names_ = false;
    read_all(text, false, &frame, out);
  }

  // --- a record whose quote is still open ---
  std::string_view waiting() const { return std::string_view(tail_).substr(tail_begin_); }

  // Keeps `text`, a part of waiting() or of a block, for the next call.
  void keep(std::string_view text) {
    if (text.empty()) {
      tail_.clear();
      if (tail_.capacity() > kKeptBytesMax) tail_.shrink_to_fit();
      tail_begin_ = open_ = 0;
    } else if (tail_.empty()) {
      tail_ = text;
    } else {
      tail_begin_ = tail_.size() - text.size();
      if (tail_begin_ <= kCsvRecordBytesMax) return;
      tail_.erase(0, tail_begin_);
      tail_begin_ = 0;
    }
  }

  // Reads until the end, or with `waits` until a record whose quote is open to the end and which may still
  // become one: it stays in `text`.  Of others the line with the quote is no record; those behind it may be.
  //
  // A record is inside its quote at each line break that it goes beyond, and so is every other record that
  // begins behind it and goes beyond its own line.  So where one was open to some place, those behind it need
  // be read on their own lines only, and then from that place on: no text is read from every line again.
  void read_all(std::string_view& text, bool waits, const uint32_t* frame, DecoderOutput& out) {
    const char* open_to = text.data() + open_;  // a line break that is known to be inside the quote ends here
    while (!text.empty()) {
      const std::string_view window = within_limit(text);
      const bool known = text.data() < open_to;
      if (read_record(text, known ? first_line(text) : window, frame, out)) continue;
      if (known && !is_open_to_end(window, static_cast<size_t>(open_to - text.data()), options_.delimiter) &&
          read_record(text, window, frame, out)) {
        continue;
      }
      open_to = last_line(window);
      if (waits && window.size() == text.size()) break;
      report(first_line(text), "a quote is not closed", frame, out);
      text.remove_prefix(first_line(text).size());
    }
    open_ = text.data() < open_to && !text.empty() ? static_cast<size_t>(open_to - text.data()) : 0;
  }

  // Takes a record off the start of `text` that ends within `window`; false: its quote is open.
  bool read_record(std::string_view& text, std::string_view window, const uint32_t* frame, DecoderOutput& out) {
    std::string_view rest = window;
    const CsvRead read = read_csv_record(rest, options_.delimiter, cells_);
    if (read == CsvRead::kOpenQuote) return false;
    const std::string_view record = window.substr(0, window.size() - rest.size());
    text.remove_prefix(record.size());
    if (read == CsvRead::kBad) report(record, "text behind a closing quote", frame, out);
    if (read == CsvRead::kRecord) take(record, frame, out);
    return true;
  }

  // The lines that a record at the start of `text` may take, one at least.
  static std::string_view within_limit(std::string_view text) {
    if (text.size() <= kCsvRecordBytesMax) return text;
    const size_t feed = text.rfind('\n', kCsvRecordBytesMax - 1);
    return feed == std::string_view::npos ? first_line(text) : text.substr(0, feed + 1);
  }
  // With its line break.
  static std::string_view first_line(std::string_view text) {
    const size_t feed = text.find('\n');
    return text.substr(0, feed == std::string_view::npos ? feed : feed + 1);
  }
  // Where the last line begins, or what there is of it.
  static const char* last_line(std::string_view text) {
    const size_t feed = text.rfind('\n');
    return text.data() + (feed == std::string_view::npos ? 0 : feed + 1);
  }

  void report(std::string_view record, std::string_view reason, const uint32_t* frame,
              DecoderOutput& out) {
    while (!record.empty() && (record.back() == '\n' || record.back() == '\r')) {
      record.remove_suffix(1);
    }
    out.bad(record, reason, frame != nullptr ? *frame : 0);
  }

  void take(std::string_view record, const uint32_t* frame, DecoderOutput& out) {
    if (!options_.latin1 && !expr::valid_utf8(record)) {
      return report(record, "not UTF-8", frame, out);
    }
    if (!has_names_) {
      std::vector<std::string> names;
      for (const CsvCell& cell : cells_) names.emplace_back(options_.header ? text_of(cell) : "");
      change_names(usable_names(std::move(names)), out);
      if (options_.header) return;
    } else if (options_.header && is_header()) {
      return;
    }
    std::string reason;
    if (!add_cells(reason)) {
      rows_.abandon_row();
      return report(record, reason, frame, out);
    }
    frame != nullptr ? rows_.end_row(out, *frame) : rows_.end_row(out);
  }

  void change_names(std::vector<std::string> names, DecoderOutput& out) {
    if (names != names_) {
      rows_.send(out);
      set_names(std::move(names));
    }
    has_names_ = true;
  }

  void set_names(std::vector<std::string> names) {
    names_ = std::move(names);
    types_.assign(names_.size(), Type::kDyn);
    for (const auto& [name, type] : options_.types) {
      const auto it = std::find(names_.begin(), names_.end(), name);
      if (it != names_.end()) types_[static_cast<size_t>(it - names_.begin())] = type;
    }
    rows_.set_columns(names_);
    has_names_ = true;
  }

  bool is_header() {
    if (cells_.size() != names_.size() || cells_[0].text.size() != names_[0].size()) return false;
    for (size_t i = 0; i < cells_.size(); ++i) {
      if (text_of(cells_[i]) != names_[i]) return false;
    }
    return true;
  }

  // In UTF-8; valid until the next call.
  std::string_view text_of(const CsvCell& cell) {
    std::string_view text = cell.text;
    if (cell.doubled) {
      undoubled_.clear();
      undouble(text, undoubled_);
      text = undoubled_;
    }
    if (!options_.latin1) return text;
    converted_.clear();
    append_latin1(text, converted_);
    return converted_;
  }

  bool add_cells(std::string& reason) {
    if (cells_.size() != names_.size()) {
      reason = std::to_string(cells_.size()) + " cells for " + std::to_string(names_.size()) +
               " columns";
      return false;
    }
    for (size_t i = 0; i < cells_.size(); ++i) {
      const std::string_view text = text_of(cells_[i]);
      if (add_cell(i, text)) continue;
      reason = "column " + names_[i] + ": '" + std::string(text.substr(0, 40)) + "' is no " +
               std::string(type_name(types_[i]));
      return false;
    }
    return true;
  }

  bool add_cell(size_t i, std::string_view text) {
    const Type type = types_[i];
    if (text.empty()) {
      rows_.add_null(i);
      return true;
    }
    if (type == Type::kDyn) {
      const std::string_view number = with_point(text);
      is_number_text(number) ? rows_.add_json(i, number) : rows_.add_string(i, text);
      return true;
    }
    return add_typed(i, type, text);
  }

  bool add_typed(size_t i, Type type, std::string_view text) {
    switch (type) {
      case Type::kString:
        rows_.add_string(i, text);
        return true;
      case Type::kBool: {
        const bool yes = text == "true" || text == "True" || text == "TRUE" || text == "1";
        const bool no = text == "false" || text == "False" || text == "FALSE" || text == "0";
        if (yes || no) rows_.add_json(i, yes ? "true" : "false");
        return yes || no;
      }
      case Type::kTimestamp:
      case Type::kDuration: {
        const bool is_time = type == Type::kTimestamp;
        const std::optional<Micros> time = is_time ? parse_rfc3339(text) : parse_duration(text);
        if (time) rows_.add_word(i, is_time ? Kind::kTimestamp : Kind::kDuration, *time);
        return time.has_value();
      }
      default:
        return add_number(i, type, text);
    }
  }

  bool add_number(size_t i, Type type, std::string_view text) {
    const bool negative = text.front() == '-';
    const std::string_view digits = plain_integer(negative ? text.substr(1) : text);
    const bool whole =
        !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (whole) {
      number_.assign(negative && digits != "0" ? 1 : 0, '-');
      number_ += digits;
      uint64_t bits = 0;
      if (!fits(type, number_, bits)) return false;
      if (type == Type::kUint) {
        rows_.add_word(i, Kind::kUint, static_cast<int64_t>(bits));
        return true;
      }
      if (type == Type::kDouble) number_ += ".0";  // so that it stays one
      rows_.add_json(i, number_);
      return true;
    }
    if (type == Type::kInt || type == Type::kUint) return false;
    const std::string_view number = with_point(text.front() == '+' ? text.substr(1) : text);
    if (!is_number_text(number)) return false;
    rows_.add_json(i, number);
    return true;
  }

  static bool fits(Type type, const std::string& integer, uint64_t& bits) {
    JsonCell cell;
    decode_json_scalar(integer.data(), integer.data() + integer.size(), cell);
    bits = cell.bits;
    if (type == Type::kInt) return cell.kind == Kind::kInt;
    if (type != Type::kUint) return true;
    return integer.front() != '-' && (cell.kind == Kind::kInt || cell.kind == Kind::kUint);
  }

  // With a decimal point where the option says comma.
  std::string_view with_point(std::string_view text) {
    if (options_.decimal == '.') return text;
    if (text.find('.') != std::string_view::npos) return {};
    number_ = text;
    std::replace(number_.begin(), number_.end(), options_.decimal, '.');
    return number_;
  }

  CsvOptions options_;
  bool at_start_ = true;
  bool has_names_ = false;
  std::vector<std::string> names_;
  std::vector<Type> types_;  // of each column; kDyn: by what the cell is
  std::vector<CsvCell> cells_;
  TextRows rows_;
  std::string tail_;  // from tail_begin_ on: the start of a record whose quote is still open
  size_t tail_begin_ = 0;
  size_t open_ = 0;  // that record is inside the quote up to here, counted from its start; 0: not known
  std::string undoubled_, converted_, number_;
};

}  // namespace

Type csv_type(std::string_view name) {
  for (const Type type : {Type::kBool, Type::kInt, Type::kUint, Type::kDouble, Type::kNumber,
                          Type::kString, Type::kTimestamp, Type::kDuration}) {
    if (type_name(type) == name) return type;
  }
  return Type::kError;
}

std::unique_ptr<Decoder> make_csv_decoder(CsvOptions options) {
  return std::make_unique<CsvDecoder>(std::move(options));
}

void complete_csv_schema(const CsvOptions& options, std::string_view sample, Schema& schema) {
  std::vector<std::string> names = options.names;
  if (sample.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    sample.remove_prefix(kByteOrderMark.size());
  }
  std::vector<CsvCell> cells;
  CsvRead read = CsvRead::kBlank;
  while (read == CsvRead::kBlank && !sample.empty()) {
    read = read_csv_record(sample, options.delimiter, cells);
  }
  if (read == CsvRead::kRecord && (options.header || names.empty())) {
    names.clear();
    for (const CsvCell& cell : cells) {
      std::string name;
      std::string& target = names.emplace_back();
      if (!options.header) continue;
      cell.doubled ? undouble(cell.text, name) : static_cast<void>(name = cell.text);
      options.latin1 ? append_latin1(name, target) : static_cast<void>(target = name);
    }
    names = usable_names(std::move(names));
  }
  for (const std::string& name : names) schema.set(name, Type::kDyn);
  for (const auto& [name, type] : options.types) {
    if (names.empty() || schema.find(name) != nullptr) schema.set(name, type);
  }
  if (!names.empty()) schema.open = false;
}

bool read_csv_options(const Params& params, CsvOptions& options, Diagnostics& diagnostics) {
  const size_t errors = diagnostics.errors();
  const std::string delimiter = params.has("delimiter") ? params.text("delimiter") : ",";
  options.delimiter = delimiter == "\\t" || delimiter == "tab" ? '\t'
                      : delimiter.empty()                      ? ','
                                                               : delimiter[0];
  const bool one_byte = delimiter.size() == 1 || delimiter == "\\t" || delimiter == "tab";
  if (!one_byte || std::string_view("\"\r\n").find(options.delimiter) != std::string_view::npos) {
    diagnostics.error("E0621", params.span("delimiter"),
                      "a delimiter is one ASCII character, not a quote or a line break",
                      "write ',', ';', '|' or tab");
  }
  options.decimal = params.choice("decimal") == "," ? ',' : '.';
  if (params.has("delimiter") && options.decimal == ',' && options.delimiter == ',') {
    diagnostics.error("E0622", params.span("decimal"),
                      "the comma cannot be both the delimiter and the decimal point");
  }
  // Where the decimal point is a comma, files are separated by semicolons.
  if (!params.has("delimiter") && options.decimal == ',') options.delimiter = ';';
  options.latin1 = params.choice("encoding").substr(0, 5) == "latin";
  const SpecValue* const header = params.value("header");
  if (header != nullptr && header->is_list()) {
    options.header = false;
    options.names = params.texts("header");
  } else {
    options.header = params.flag("header", true);
  }
  for (const auto& [name, type] : params.entries("types")) {
    options.types.emplace_back(name->text, csv_type(type->text));
    if (options.types.back().second != Type::kError) continue;
    diagnostics.error("E0623", type->span, "'" + type->text + "' is no type of a CSV column",
                      nearest(type->text, {"bool", "int", "uint", "double", "number", "string",
                                           "timestamp", "duration"}),
                      "bool int uint double number string timestamp duration");
  }
  // Without a header the written types say what the columns are called.
  if (!options.header && options.names.empty()) {
    for (const auto& [name, type] : options.types) options.names.push_back(name);
  }
  options.names = usable_names(std::move(options.names));
  return diagnostics.errors() == errors;
}

}  // namespace streamflow
