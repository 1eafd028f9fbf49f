#include "core/decode/text.h"

#include <cstring>
#include <utility>

#include "core/decode/json_cell.h"
#include "core/decode/text_rows.h"
#include "core/expr/utf8.h"

namespace streamflow {
namespace {

std::string_view trim_blanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

class ValueDecoder : public Decoder {
 public:
  explicit ValueDecoder(std::string field) { rows_.set_columns({std::move(field)}); }

  void decode(const BlockPtr& block, const std::vector<Frame>* frames,
              DecoderOutput& out) override {
    const std::string_view all = block->view();
    if (frames != nullptr) {
      for (uint32_t i = 0; i < frames->size(); ++i) {
        const Frame frame = (*frames)[i];
        const std::string_view text = all.substr(frame.begin, frame.end - frame.begin);
        if (add(text, i, rows_, out)) rows_.end_row(out, i);
      }
    } else {
      decode_lines(all, out);
    }
    rows_.send(out);
  }

 protected:
  // One cell from one text; false where it is no record, which was reported.
  virtual bool add(std::string_view text, uint32_t frame, TextRows& rows, DecoderOutput& out) = 0;
  virtual bool skips_blank_lines() const = 0;

 private:
  void decode_lines(std::string_view text, DecoderOutput& out) {
    while (!text.empty()) {
      const size_t feed = text.find('\n');
      std::string_view line = text.substr(0, feed);
      text.remove_prefix(feed == std::string_view::npos ? text.size() : feed + 1);
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      if (skips_blank_lines() && trim_blanks(line).empty()) continue;
      if (add(line, 0, rows_, out)) rows_.end_row(out);
    }
  }

  TextRows rows_;
};

class TextDecoder final : public ValueDecoder {
 public:
  using ValueDecoder::ValueDecoder;

 private:
  bool add(std::string_view text, uint32_t frame, TextRows& rows, DecoderOutput& out) override {
    if (!expr::valid_utf8(text)) {
      out.bad(text, "not UTF-8", frame);
      return false;
    }
    rows.add_string(0, text);
    return true;
  }
  bool skips_blank_lines() const override { return false; }
};

class NumberDecoder final : public ValueDecoder {
 public:
  using ValueDecoder::ValueDecoder;

 private:
  bool add(std::string_view text, uint32_t frame, TextRows& rows, DecoderOutput& out) override {
    const std::string_view number = trim_blanks(text);
    if (!valid_json_number(number.data(), number.data() + number.size())) {
      out.bad(text, "not a number", frame);
      return false;
    }
    rows.add_json(0, number);
    return true;
  }
  bool skips_blank_lines() const override { return true; }
};

}  // namespace

std::unique_ptr<Decoder> make_text_decoder(std::string field) {
  return std::make_unique<TextDecoder>(std::move(field));
}

std::unique_ptr<Decoder> make_number_decoder(std::string field) {
  return std::make_unique<NumberDecoder>(std::move(field));
}

}  // namespace streamflow
