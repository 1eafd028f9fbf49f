#include "core/decode/json.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "core/decode/json_cell.h"
#include "core/decode/json_layout.h"
#include "core/json_text.h"

namespace streamflow {
namespace {

constexpr size_t kLayoutsMax = 4;
constexpr size_t kLayoutFieldsMax = 256;  // of a record whose shape is worth remembering

class JsonDecoder final : public Decoder {
 public:
  explicit JsonDecoder(JsonOptions options) : options_(std::move(options)) {}

  void want(const std::vector<std::string>& fields) override {
    wanted_ = fields;
    tokens_.assign(wanted_.size(), std::vector<Token>(kBatchRowsMax));
    layouts_.clear();
  }

  void decode(const BlockPtr& block, const std::vector<Frame>* frames,
              DecoderOutput& out) override {
    block_ = block;
    base_ = block->data.get();
    out_ = &out;
    framed_ = frames != nullptr;
    if (framed_) {
      one_line_ = std::none_of(frames->begin(), frames->end(), [this](const Frame& f) {
        return std::memchr(base_ + f.begin, '\n', f.end - f.begin) != nullptr;
      });
      decode_frames(*frames, 0, frames->size());
    } else {
      one_line_ = true;
      uint32_t begin = 0;
      if (first_block_ && block->view().substr(0, 3) == "\xEF\xBB\xBF") begin = 3;
      first_block_ = false;
      decode_lines(begin, static_cast<uint32_t>(block->size));
    }
    flush();
    block_.reset();
    // Its index takes more room than the text: a large message's is not kept.
    if (parser_ && parser_->capacity() > kKeptBytesMax) parser_.reset();
  }

 private:
  // --- stage 1 ---------------------------------------------------------------------------------
  simdjson::error_code index(uint32_t begin, uint32_t end) {
    const size_t length = end - begin;
    if (!parser_ || parser_->capacity() < length) {
      const size_t capacity = std::max<size_t>(length, 256 * 1024);
      if (simdjson::get_active_implementation()->create_dom_parser_implementation(
              capacity, kJsonDepthMax, parser_) != simdjson::SUCCESS)
        return simdjson::MEMALLOC;
    }
    const auto error = parser_->stage1(reinterpret_cast<const uint8_t*>(base_ + begin), length,
                                       simdjson::stage1_mode::regular);
    if (error == simdjson::EMPTY) {
      count_ = 0;
      return simdjson::SUCCESS;
    }
    if (error != simdjson::SUCCESS) return error;
    count_ = parser_->n_structural_indexes;
    index_ = parser_->structural_indexes.get();
    if (begin != 0)
      for (size_t i = 0; i <= count_; ++i) index_[i] += begin;
    index_[count_] = end;
    escapes_ = std::memchr(base_ + begin, '\\', length) != nullptr;
    return error;
  }

  static std::string_view reason_of(simdjson::error_code error) {
    switch (error) {
      case simdjson::UTF8_ERROR: return "not UTF-8";
      case simdjson::UNESCAPED_CHARS: return "a control character or line break inside a string";
      case simdjson::UNCLOSED_STRING: return "a string is not closed";
      case simdjson::MEMALLOC: return "out of memory";
      default: return "not JSON";
    }
  }

  // --- lines -----------------------------------------------------------------------------------
  uint32_t line_end(uint32_t from, uint32_t end) const {
    const void* nl = std::memchr(base_ + from, '\n', end - from);
    return nl ? static_cast<uint32_t>(static_cast<const char*>(nl) - base_) : end;
  }

  // A bad byte anywhere fails stage 1 for the whole range: halve at line breaks until single lines fail.
  void decode_lines(uint32_t begin, uint32_t end) {
    const auto error = index(begin, end);
    if (error == simdjson::SUCCESS) return walk_lines(end);
    const uint32_t middle = begin + (end - begin) / 2;
    uint32_t split = line_end(middle, end);
    if (split >= end || split + 1 >= end) {
      // The last line begins before the middle: split in front of it.
      const auto text = std::string_view(base_ + begin, end - begin);
      const size_t before = text.substr(0, text.empty() ? 0 : text.size() - 1).rfind('\n');
      if (before == std::string_view::npos) return bad(begin, end, std::string(reason_of(error)), 0);
      split = begin + static_cast<uint32_t>(before);
    }
    decode_lines(begin, split + 1);
    decode_lines(split + 1, end);
  }

  void walk_lines(uint32_t end) {
    size_t k = 0;
    while (k < count_) {
      const uint32_t start = index_[k];
      const size_t next = match_line(k, end);
      if (next != 0) {
        k = next;
        continue;
      }
      const uint32_t limit = line_end(start, end);
      slow_row(k, limit, 0);
      while (k < count_ && index_[k] < limit) ++k;
    }
  }

  // A row of a known shape that is alone on its line; 0: no.
  size_t match_line(size_t k, uint32_t end) {
    for (size_t l = 0; l < layouts_.size(); ++l) {
      bool gaps = false;
      const size_t next = match(layouts_[l], k, gaps);
      if (next == 0) continue;
      const uint32_t start = index_[k];
      const uint32_t close = index_[next - 1];
      if (gaps || (close + 1 != end && base_[close + 1] != '\n')) {
        const uint32_t limit = line_end(start, end);
        if (close >= limit || (next < count_ && index_[next] < limit)) return 0;
      }
      accept(start, close + 1, 0, gaps);
      if (l != 0) std::swap(layouts_[l], layouts_[0]);
      return next;
    }
    return 0;
  }

  // --- messages --------------------------------------------------------------------------------
  void decode_frames(const std::vector<Frame>& frames, size_t first, size_t last) {
    if (first == last) return;
    const uint32_t end = frames[last - 1].end;
    const auto error = index(frames[first].begin, end);
    if (error == simdjson::SUCCESS) return walk_frames(frames, first, last);
    if (last - first == 1)
      return bad(frames[first].begin, end, std::string(reason_of(error)),
                 static_cast<uint32_t>(first));
    const size_t middle = first + (last - first) / 2;
    decode_frames(frames, first, middle);
    decode_frames(frames, middle, last);
  }

  void walk_frames(const std::vector<Frame>& frames, size_t first, size_t last) {
    size_t k = 0;
    for (size_t f = first; f < last; ++f) {
      const auto number = static_cast<uint32_t>(f);
      const Frame frame = frames[f];
      if (k >= count_ || index_[k] >= frame.end) {
        bad(frame.begin, frame.end, "an empty message", number);
        continue;
      }
      const size_t next = match_frame(k, frame, number);
      if (next != 0) {
        k = next;
        continue;
      }
      slow_row(k, frame.end, number);
      while (k < count_ && index_[k] < frame.end) ++k;
    }
  }

  size_t match_frame(size_t k, Frame frame, uint32_t number) {
    for (size_t l = 0; l < layouts_.size(); ++l) {
      bool gaps = false;
      const size_t next = match(layouts_[l], k, gaps);
      if (next == 0) continue;
      if (index_[next - 1] >= frame.end || (next < count_ && index_[next] < frame.end)) return 0;
      accept(index_[k], index_[next - 1] + 1, number, gaps);
      if (l != 0) std::swap(layouts_[l], layouts_[0]);
      return next;
    }
    return 0;
  }

  // --- the fast walk ---------------------------------------------------------------------------
  // Checks the object at structural `k` against a layout and fills the wanted tokens of the next row;
  // returns the structural after its `}`, or 0.  `gaps` stays 0 when no line can end in it.
  //
  // The text before a value, compared whole, stands for three structurals: the `{` or `,` is one, so
  // what follows is no string's inside, and the name's quote and the colon are the next.
  size_t match(Layout& layout, size_t k, bool& gaps) {
    const char* const base = base_;
    const size_t row = rows_.size();
    const bool escapes = escapes_;
    bool blanks = layout.has_breaks;
    // Each field has four: the `{` or `,` before it, name, colon, value.
    if (k + 4 * layout.fields.size() >= count_) return 0;
    const uint32_t* next = index_ + k;
    uint32_t begin = *next;
    for (LayoutField& field : layout.fields) {
      const uint32_t value = next[3];
      if (value - begin != field.size || !field.matches(base + begin)) return 0;
      const char* const at = base + value;
      next += 4;
      uint32_t end = *next;
      if (*at == '"') {
        if (base[end - 1] != '"') blanks = true;
        if (escapes && !valid_json_escapes(at, base + end)) return 0;
      } else if (!field.is_known_number(at, end - value)) {
        next = match_rare(layout, field, next, blanks);
        if (next == nullptr) return 0;
        end = *next;
      }
      if (field.tokens != nullptr) field.tokens[row] = {value, end};
      begin = end;
    }
    if (base[begin] != '}') return 0;
    for (Token* tokens : layout.missing) tokens[row] = {};
    gaps = blanks;
    return static_cast<size_t>(next - index_) + 1;
  }

  // A value in front of structural `next` that is neither a string nor a number of known shape; returns
  // the structural behind it, or null.
  [[gnu::noinline]] const uint32_t* match_rare(const Layout& layout, LayoutField& field,
                                               const uint32_t* next, bool& gaps) {
    const char* const at = base_ + next[-1];
    const char* const end = base_ + *next;
    const char c = *at;
    if (c == '{' || c == '[') {
      gaps = true;
      const auto fields_left = static_cast<size_t>(layout.fields.data() + layout.fields.size() - &field) - 1;
      const size_t after = check_value(static_cast<size_t>(next - index_) - 1, index_[count_], 1);
      return after != 0 && after + 4 * fields_left < count_ ? index_ + after : nullptr;
    }
    if (field.learn_number(at, *next - next[-1])) return next;
    const bool good = c == '-' || (c >= '0' && c <= '9')
                          ? valid_json_number(at, end)
                          : literal(static_cast<size_t>(next - index_) - 1);
    gaps = gaps || is_json_blank(end[-1]);
    return good ? next : nullptr;
  }

  // --- the slow walk: full checks with reasons, any shape ----------------------------------------
  bool literal(size_t k) const {
    const std::string_view text = trim_json(base_ + index_[k], base_ + index_[k + 1]);
    return text == "true" || text == "false" || text == "null";
  }

  size_t wrong(size_t k, uint32_t limit, std::string_view expected) {
    if (k >= count_ || index_[k] >= limit) {
      reason_ = "ends early: expected " + std::string(expected);
    } else {
      reason_ = "expected " + std::string(expected) + " at byte " +
                std::to_string(index_[k] - row_begin_ + 1) + ", found '" + base_[index_[k]] + "'";
    }
    return 0;
  }

  // Checks the value at structural k; returns the structural after it, or 0 with `reason_` set.
  size_t check_value(size_t k, uint32_t limit, unsigned depth) {
    if (k >= count_ || index_[k] >= limit) return wrong(k, limit, "a value");
    switch (base_[index_[k]]) {
      case '{': return check_object(k, limit, depth);
      case '[': return check_array(k, limit, depth);
      case '"': return check_string(k) ? k + 1 : 0;
      case 't':
      case 'f':
      case 'n':
        return literal(k) ? k + 1 : wrong(k, limit, "a value");
      default:
        // The token may run into the next line or message: it ends at `limit`.
        return valid_json_number(base_ + index_[k], base_ + std::min(index_[k + 1], limit))
                   ? k + 1
                   : wrong(k, limit, "a value");
    }
  }

  bool check_string(size_t k) {
    if (!escapes_ || valid_json_escapes(base_ + index_[k], base_ + string_end(k))) return true;
    reason_ = "a bad escape in the string at byte " + std::to_string(index_[k] - row_begin_ + 1);
    return false;
  }

  // One past the closing quote of the string at structural k.
  uint32_t string_end(size_t k) const {
    uint32_t end = index_[k + 1];
    while (is_json_blank(base_[end - 1])) --end;
    return end;
  }

  size_t check_object(size_t k, uint32_t limit, unsigned depth) {
    if (depth > kJsonDepthMax) return too_deep();
    ++k;
    if (k < count_ && index_[k] < limit && base_[index_[k]] == '}') return k + 1;
    for (;;) {
      if (k >= count_ || index_[k] >= limit || base_[index_[k]] != '"')
        return wrong(k, limit, "a name in quotes");
      if (!check_string(k)) return 0;
      ++k;
      if (k >= count_ || index_[k] >= limit || base_[index_[k]] != ':') return wrong(k, limit, "':'");
      k = check_value(k + 1, limit, depth + 1);
      if (k == 0) return 0;
      if (k < count_ && index_[k] < limit) {
        if (base_[index_[k]] == '}') return k + 1;
        if (base_[index_[k]] == ',') {
          ++k;
          continue;
        }
      }
      return wrong(k, limit, "',' or '}'");
    }
  }

  size_t check_array(size_t k, uint32_t limit, unsigned depth) {
    if (depth > kJsonDepthMax) return too_deep();
    ++k;
    if (k < count_ && index_[k] < limit && base_[index_[k]] == ']') return k + 1;
    for (;;) {
      k = check_value(k, limit, depth + 1);
      if (k == 0) return 0;
      if (k < count_ && index_[k] < limit) {
        if (base_[index_[k]] == ']') return k + 1;
        if (base_[index_[k]] == ',') {
          ++k;
          continue;
        }
      }
      return wrong(k, limit, "',' or ']'");
    }
  }

  size_t too_deep() {
    reason_ = "nested deeper than " + std::to_string(kJsonDepthMax);
    return 0;
  }

  // The line or message whose first structural is k and which ends at `limit`.
  void slow_row(size_t k, uint32_t limit, uint32_t frame) {
    row_begin_ = index_[k];
    const size_t next = check_value(k, limit, 0);
    if (next == 0) return bad(row_begin_, limit, reason_, frame);
    if (next < count_ && index_[next] < limit) {
      wrong(next, limit, "the end of the record");
      return bad(row_begin_, limit, reason_, frame);
    }
    if (options_.arrays && base_[index_[k]] == '[') return take_elements(k, frame);
    take_value(k, next, frame);
  }

  void take_elements(size_t k, uint32_t frame) {
    ++k;
    while (base_[index_[k]] != ']') {
      const size_t next = check_value(k, index_[count_], 1);
      take_value(k, next, frame);
      k = base_[index_[next]] == ',' ? next + 1 : next;
    }
  }

  // A checked value from structural k up to `next`.
  void take_value(size_t k, size_t next, uint32_t frame) {
    if (base_[index_[k]] != '{') return wrap(k, next, frame);
    const size_t row = rows_.size();
    for (auto& column : tokens_) column[row] = {};
    learned_ = {};
    bool learn = true;
    const uint32_t close = index_[next - 1];
    for (size_t p = k; index_[p] != close && index_[p + 1] != close;) {
      const uint32_t key = index_[p + 1];
      const uint32_t colon = index_[p + 2];
      const uint32_t value = index_[p + 3];
      const size_t after = check_value(p + 3, index_[count_], 1);
      const int w = find_wanted(key, colon);  // of equal names the last counts
      Token* const tokens = w < 0 ? nullptr : tokens_[static_cast<size_t>(w)].data();
      if (w >= 0) tokens[row] = {value, index_[after]};
      std::string text(base_ + index_[p], value - index_[p]);
      learn = learn && learned_.fields.size() < kLayoutFieldsMax && text.find('\\') == std::string::npos;
      learned_.has_breaks = learned_.has_breaks || text.find_first_of("\r\n") != std::string::npos;
      if (learn) learned_.fields.emplace_back(std::move(text), tokens);
      p = after;
    }
    accept(index_[k], close + 1, frame, true);
    if (learn && !learned_.fields.empty()) remember();
  }

  // The wanted field of this name, or -1.
  int find_wanted(uint32_t key, uint32_t colon) const {
    const std::string_view written = trim_json(base_ + key, base_ + colon);
    const std::string_view name = written.substr(1, written.size() - 2);
    for (size_t w = 0; w < wanted_.size(); ++w)
      if (json_key_is(name, wanted_[w])) return static_cast<int>(w);
    return -1;
  }

  void remember() {
    for (auto& column : tokens_)
      if (std::none_of(learned_.fields.begin(), learned_.fields.end(),
                       [&](const LayoutField& f) { return f.tokens == column.data(); }))
        learned_.missing.push_back(column.data());
    if (layouts_.size() == kLayoutsMax) layouts_.pop_back();
    layouts_.insert(layouts_.begin(), std::move(learned_));
  }

  // A value that is no object becomes one, in a block of its own.
  void wrap(size_t k, size_t next, uint32_t frame) {
    flush();
    const uint32_t end = next < count_ ? std::min(index_[next], index_[count_]) : index_[count_];
    std::string_view value = trim_json(base_ + index_[k], base_ + end);
    if (base_[index_[k]] == '"') value = {base_ + index_[k], string_end(k) - index_[k]};
    std::string text = "{";
    append_json_string(options_.wrap, text);
    text += ':';
    const auto value_begin = static_cast<uint32_t>(text.size());
    text += value;
    const auto value_end = static_cast<uint32_t>(text.size());
    text += '}';
    auto block = std::make_shared<Block>(text.size());
    std::memcpy(block->data.get(), text.data(), text.size());
    block->size = text.size();
    auto origin = std::make_shared<Origin>();
    origin->block = block;
    origin->rows = {{0, static_cast<uint32_t>(text.size())}};
    origin->one_line = value.find_first_of("\r\n") == std::string_view::npos;
    Decoded decoded;
    decoded.rows = 1;
    for (const std::string& name : wanted_) {
      std::vector<Token> token(1);
      if (name == options_.wrap) token[0] = {value_begin, value_end};
      decoded.columns.push_back({name, std::make_shared<Column>(block, std::move(token)), true});
    }
    decoded.origin = std::move(origin);
    if (framed_) decoded.frames = {frame};
    out_->rows(std::move(decoded));
  }

  // --- output ----------------------------------------------------------------------------------
  // `blanks`: there may be some between its tokens, carriage returns among them.
  void accept(uint32_t begin, uint32_t end, uint32_t frame, bool blanks) {
    if (blanks && std::memchr(base_ + begin, '\r', end - begin) != nullptr) one_line_ = false;
    rows_.push_back({begin, end});
    if (framed_) frames_.push_back(frame);
    if (rows_.size() == kBatchRowsMax) flush();
  }

  void bad(uint32_t begin, uint32_t end, const std::string& reason, uint32_t frame) {
    std::string_view text(base_ + begin, end - begin);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
    if (!framed_ && text.find_first_not_of(" \t\r\n") == std::string_view::npos) return;
    out_->bad(text, reason, frame);
  }

  void flush() {
    const size_t rows = rows_.size();
    if (rows != 0) {
      Decoded decoded;
      decoded.rows = rows;
      decoded.columns.reserve(wanted_.size());
      for (size_t w = 0; w < wanted_.size(); ++w) {
        std::vector<Token> cells(tokens_[w].begin(), tokens_[w].begin() + static_cast<long>(rows));
        decoded.columns.push_back(
            {wanted_[w], std::make_shared<Column>(block_, std::move(cells)), true});
      }
      auto origin = std::make_shared<Origin>();
      origin->block = block_;
      origin->rows = rows_;
      origin->one_line = one_line_;
      decoded.origin = std::move(origin);
      decoded.frames = frames_;
      out_->rows(std::move(decoded));
    }
    rows_.clear();
    frames_.clear();
  }

  const JsonOptions options_;
  std::vector<std::string> wanted_;
  std::vector<Layout> layouts_;  // most recently used first
  Layout learned_;               // scratch
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser_;
  bool first_block_ = true;

  // Of the decode call under way:
  BlockPtr block_;
  const char* base_ = nullptr;
  DecoderOutput* out_ = nullptr;
  bool framed_ = false;
  bool one_line_ = false;
  bool escapes_ = false;       // the indexed range holds a backslash
  uint32_t* index_ = nullptr;  // places of structural characters and starts of scalars
  size_t count_ = 0;           // index_[count_] is the end of the range
  uint32_t row_begin_ = 0;
  std::string reason_;
  // Of the batch being filled:
  std::vector<Token> rows_;
  std::vector<uint32_t> frames_;
  std::vector<std::vector<Token>> tokens_;  // per wanted field, kBatchRowsMax long, reused
};

}  // namespace

std::unique_ptr<Decoder> make_json_decoder(JsonOptions options) {
  return std::make_unique<JsonDecoder>(std::move(options));
}

}  // namespace streamflow
