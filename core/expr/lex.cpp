#include "core/expr/lex.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/expr/utf8.h"

namespace streamflow::expr {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

// Longest first.
constexpr std::array<std::string_view, 31> kSigns = {
    "===", "!==", "<=>", "==", "!=", "<=", ">=", "<>", "&&", "||", "=~", "**", ":=", "+", "-", "*",
    "/",   "%",   "<",   ">",  "!",  "?",  ":",  ".",  ",",  "(",  ")",  "[",  "]",  "{", "}"};

class Lexer {
 public:
  Lexer(std::string_view text, std::vector<Problem>& problems) : text_(text), problems_(problems) {}

  std::vector<Token> run() {
    std::vector<Token> tokens;
    while (true) {
      skip_blanks();
      tokens.push_back(next());
      if (tokens.back().kind == TokenKind::kEnd) return tokens;
    }
  }

 private:
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void skip_blanks() {
    while (at_ < text_.size()) {
      if (is_blank(text_[at_]))
        ++at_;
      else if (text_.substr(at_, 2) == "//")
        at_ = std::min(text_.find('\n', at_), text_.size());
      else
        return;
    }
  }

  Token token(TokenKind kind, size_t begin, Value value = {}) const {
    return {kind, static_cast<uint32_t>(begin), static_cast<uint32_t>(at_),
            text_.substr(begin, at_ - begin), std::move(value)};
  }

  Token problem(size_t begin, size_t end, std::string message, std::string label = {},
                std::string code = "E0310") {
    problems_.push_back({false, std::move(code), begin, end, std::move(message), std::move(label)});
    return token(TokenKind::kBad, begin);
  }

  Token next() {
    const size_t begin = at_;
    if (at_ >= text_.size()) return token(TokenKind::kEnd, begin);
    const char c = peek();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (const size_t prefix = string_prefix(); prefix != std::string_view::npos)
      return string(prefix);
    if (c == '`') return quoted_name();
    const CodePoint point = decode_utf8(text_, at_);
    if (point.valid && is_name_start(point.value)) {
      take_name();
      return token(TokenKind::kName, begin);
    }
    for (const std::string_view sign : kSigns)
      if (text_.substr(at_, sign.size()) == sign) {
        at_ += sign.size();
        return token(TokenKind::kSign, begin);
      }
    return stranger(point);
  }

  void take_name() {
    while (at_ < text_.size()) {
      const CodePoint point = decode_utf8(text_, at_);
      if (!point.valid || !is_name_part(point.value)) return;
      at_ += point.length;
    }
  }

  Token quoted_name() {
    const size_t begin = at_++;
    const size_t end = text_.find_first_of("`\n", at_);
    if (end == std::string_view::npos || text_[end] == '\n' || end == at_) {
      at_ = end == std::string_view::npos ? text_.size() : end + (text_[end] == '`' ? 1 : 0);
      return problem(begin, at_, "a name in back-quotes is not closed or empty");
    }
    at_ = end + 1;
    if (!valid_utf8(text_.substr(begin, at_ - begin))) return problem(begin, at_, "invalid UTF-8");
    Token out = token(TokenKind::kQuoted, begin);
    out.text = out.text.substr(1, out.text.size() - 2);
    return out;
  }

  Token stranger(CodePoint point) {
    const size_t begin = at_;
    at_ += point.length;
    const std::string shown = point.valid ? std::string(text_.substr(begin, point.length)) : "";
    if (!point.valid) return problem(begin, at_, "invalid UTF-8");
    if (point.value == 0x201C || point.value == 0x201D || point.value == 0x201E)
      return problem(begin, at_, "typographic quote " + shown, "write \" instead");
    if (point.value == 0x2018 || point.value == 0x2019 || point.value == 0x201A)
      return problem(begin, at_, "typographic quote " + shown, "write ' instead");
    switch (point.value) {
      case '=':
        return problem(begin, at_, "'=' does not compare", "write ==", "E0313");
      case '&':
        return problem(begin, at_, "'&' is no operator", "write && (bits: math.bitAnd)", "E0313");
      case '|':
        return problem(begin, at_, "'|' is no operator", "write || (bits: math.bitOr)", "E0313");
      case '^':
        return problem(begin, at_, "'^' is no operator", "bits: math.bitXor(a, b)", "E0313");
      case '~':
        return problem(begin, at_, "'~' is no operator", "bits: math.bitNot(a)", "E0313");
      case ';':
        return problem(begin, at_, "';' does not belong in an expression", "leave it out");
      case 0xA0:
        return problem(begin, at_, "a no-break space", "write a plain space");
      case 0x2264:
        return problem(begin, at_, "unknown sign " + shown, "write <=");
      case 0x2265:
        return problem(begin, at_, "unknown sign " + shown, "write >=");
      case 0x2260:
        return problem(begin, at_, "unknown sign " + shown, "write !=");
      case 0xD7:
        return problem(begin, at_, "unknown sign " + shown, "write *");
      case 0xF7:
        return problem(begin, at_, "unknown sign " + shown, "write /");
      case 0x2212:
        return problem(begin, at_, "unknown sign " + shown, "write -");
      default:
        break;
    }
    if (point.value < 0x20 || point.value == 0x7F)
      return problem(begin, at_, "a control character does not belong in an expression");
    return problem(begin, at_, "'" + shown + "' does not belong in an expression");
  }

  // --- numbers ---

  Token number() {
    const size_t begin = at_;
    if (peek() == '0' && peek(1) == 'x') return hexadecimal();
    const auto digits = [this] {
      while (is_digit(peek())) ++at_;
    };
    digits();
    bool real = false;
    if (peek() == '.' && is_digit(peek(1))) {
      real = true;
      ++at_;
      digits();
    }
    if (const size_t exponent = exponent_size(); exponent > 0) {
      real = true;
      at_ += exponent;
      digits();
    }
    if (real) return finish_double(begin);
    return finish_integer(begin, text_.substr(begin, at_ - begin), 10);
  }

  size_t exponent_size() const {  // of `e`, sign, when a digit follows
    if (peek() != 'e' && peek() != 'E') return 0;
    const size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
    return is_digit(peek(1 + sign)) ? 1 + sign : 0;
  }

  Token hexadecimal() {
    const size_t begin = at_;
    at_ += 2;
    while (is_hex(peek())) ++at_;
    const std::string_view digits = text_.substr(begin + 2, at_ - begin - 2);
    if (digits.empty()) return problem(begin, at_, "0x needs hexadecimal digits");
    return finish_integer(begin, digits, 16);
  }

  Token finish_integer(size_t begin, std::string_view digits, int base) {
    const bool is_unsigned = peek() == 'u' || peek() == 'U';
    if (is_unsigned) ++at_;
    if (Token bad; runs_on(begin, bad)) return bad;
    uint64_t number = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    if (read.ec != std::errc() || (!is_unsigned && number > uint64_t{1} << 63))
      return problem(begin, at_,
                     std::string(is_unsigned ? "uint" : "int") + " literal out of range",
                     is_unsigned ? "at most 18446744073709551615u"
                                 : "at most 9223372036854775807; write it with .0 for a double");
    return token(is_unsigned ? TokenKind::kLiteral : TokenKind::kInt, begin,
                 Value::unsigned_integer(number));
  }

  Token finish_double(size_t begin) {
    if (Token bad; runs_on(begin, bad)) return bad;
    double d = 0;
    const std::string_view text = text_.substr(begin, at_ - begin);
    const auto read = std::from_chars(text.data(), text.data() + text.size(), d);
    if (read.ec == std::errc::result_out_of_range) {
      // Too small to tell from 0 is 0; too large is an error.
      d = std::strtod(std::string(text).c_str(), nullptr);
      if (std::isinf(d)) return problem(begin, at_, "double literal out of range");
    }
    return token(TokenKind::kLiteral, begin, Value::real(d));
  }

  // `25C`, `60s`, `1_000`: a number that runs into a name.
  bool runs_on(size_t begin, Token& bad) {
    const CodePoint point = at_ < text_.size() ? decode_utf8(text_, at_) : CodePoint{};
    if (!point.valid || !is_name_part(point.value)) return false;
    const size_t number_end = at_;
    take_name();
    const std::string_view tail = text_.substr(number_end, at_ - number_end);
    const std::string all(text_.substr(begin, at_ - begin));
    static constexpr std::array<std::string_view, 7> kUnits = {"s", "ms", "us", "ns",
                                                               "m", "h",  "d"};
    std::string label;
    if (tail.find('_') != std::string_view::npos)
      label = "write digits without _";
    else if (std::find(kUnits.begin(), kUnits.end(), tail) != kUnits.end())
      label = "write duration('" + all + "')";
    bad = problem(begin, at_, "'" + all + "' is neither a number nor a name", std::move(label));
    return true;
  }

  // --- strings and bytes ---

  // The size of a prefix such as `rb` if a string starts here.
  size_t string_prefix() const {
    size_t raw = 0, bytes = 0, size = 0;
    while (size < 2) {
      const char c = peek(size);
      if ((c == 'r' || c == 'R') && raw == 0)
        ++raw;
      else if ((c == 'b' || c == 'B') && bytes == 0)
        ++bytes;
      else
        break;
      ++size;
    }
    const char quote = peek(size);
    return quote == '"' || quote == '\'' ? size : std::string_view::npos;
  }

  Token string(size_t prefix) {
    const size_t begin = at_;
    const std::string_view letters = text_.substr(at_, prefix);
    const bool raw = letters.find_first_of("rR") != std::string_view::npos;
    const bool bytes = letters.find_first_of("bB") != std::string_view::npos;
    at_ += prefix;
    const char quote = peek();
    const bool triple = peek(1) == quote && peek(2) == quote;
    const std::string closing(triple ? 3 : 1, quote);
    at_ += closing.size();
    std::string out;
    bool good = true;
    while (text_.substr(at_, closing.size()) != closing) {
      if (at_ >= text_.size() || (!triple && (peek() == '\n' || peek() == '\r')))
        return problem(begin, at_, "this string is not closed", "write " + closing + " at its end");
      if (peek() == '\\' && !raw)
        good = escape(bytes, out) && good;
      else
        good = take_character(out) && good;
    }
    at_ += closing.size();
    if (good && prefix == 2 && (letters[0] == 'r' || letters[0] == 'R'))
      return problem(begin, begin + 2, "raw bytes have the b first",
                     "write br" + closing + "…" + closing);
    if (!good) return token(TokenKind::kBad, begin);
    return token(TokenKind::kLiteral, begin,
                 bytes ? Value::bytes(std::move(out)) : Value::string(std::move(out)));
  }

  // A line break is \n, however the source writes it.
  bool take_character(std::string& out) {
    const CodePoint point = decode_utf8(text_, at_);
    if (!point.valid) problem(at_, at_ + 1, "invalid UTF-8");
    const bool return_and_feed = text_.substr(at_, 2) == "\r\n";
    if (point.value == '\r')
      out += '\n';
    else
      out.append(text_, at_, point.length);
    at_ += return_and_feed ? 2 : point.length;
    return point.valid;
  }

  bool bad_escape(size_t begin, std::string label) {
    size_t end = begin + 1;
    if (end < text_.size()) end += decode_utf8(text_, end).length;
    at_ = std::max(at_, end);
    problem(begin, at_, "unknown escape " + std::string(text_.substr(begin, at_ - begin)),
            std::move(label));
    return false;
  }

  bool escape(bool bytes, std::string& out) {
    static constexpr std::string_view kFrom = "abfnrtv\\?\"'`", kTo = "\a\b\f\n\r\t\v\\?\"'`";
    const size_t begin = at_++;
    const char c = peek();
    if (const size_t known = at_ < text_.size() ? kFrom.find(c) : std::string_view::npos;
        known != std::string_view::npos) {
      ++at_;
      out += kTo[known];
      return true;
    }
    if (c >= '0' && c <= '3') return numbered(begin, 0, 3, 8, bytes, out);
    if (c == 'x' || c == 'X') return numbered(begin, 1, 2, 16, bytes, out);
    if (c == 'u' || c == 'U') {
      if (bytes) return bad_escape(begin, "in bytes write \\x and two digits for each byte");
      return numbered(begin, 1, c == 'u' ? 4 : 8, 16, false, out);
    }
    return bad_escape(begin, "write \\\\ for a backslash, or a raw string r'…'");
  }

  bool numbered(size_t begin, size_t letters, size_t digits, int base, bool octet,
                std::string& out) {
    at_ += letters;
    const std::string_view text = text_.substr(std::min(at_, text_.size()), digits);
    uint32_t code = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), code, base);
    if (text.size() != digits || read.ptr != text.data() + digits)
      return bad_escape(begin, "needs " + std::to_string(digits) + " digits");
    at_ += digits;
    if (octet) {
      out += static_cast<char>(code);
      return true;
    }
    if (!is_scalar_value(code)) {
      problem(begin, at_, "not a Unicode code point",
              code <= 0xDFFF ? "a surrogate: write \\U and the code point itself" : "");
      return false;
    }
    append_utf8(code, out);
    return true;
  }

  std::string_view text_;
  std::vector<Problem>& problems_;
  size_t at_ = 0;
};

}  // namespace

std::vector<Token> lex(std::string_view text, std::vector<Problem>& problems) {
  if (text.size() > kTextBytesMax) {
    problems.push_back({false, "E0311", 0, 1, "the expression is longer than 4 MiB", ""});
    Token bad;
    bad.kind = TokenKind::kBad;
    return {bad, Token{}};
  }
  return Lexer(text, problems).run();
}

}  // namespace streamflow::expr
