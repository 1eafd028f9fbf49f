// Text -> tokens: CEL's lexis with Unicode names.  Literals are decoded here.  Every token knows
// its bytes; the first mistake of a token is reported and lexing goes on behind it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/expr/program.h"
#include "core/value.h"

namespace streamflow::expr {

inline constexpr size_t kTextBytesMax = 4u << 20;  // of one expression

enum class TokenKind : unsigned char {
  kEnd,
  kName,     // also keywords; `text` is the name, without back-quotes
  kQuoted,   // `name in back-quotes`, a selector
  kInt,      // `value` is a uint: the sign is the parser's
  kLiteral,  // uint, double, string, bytes: `value`
  kSign,     // operators and brackets: `text`
  kBad,      // already reported
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  uint32_t begin = 0, end = 0;
  std::string_view text;
  Value value;
  bool is(std::string_view sign) const { return kind == TokenKind::kSign && text == sign; }
  bool is_name(std::string_view name) const { return kind == TokenKind::kName && text == name; }
};

// Ends with a kEnd token.  `text` must outlive the tokens.
std::vector<Token> lex(std::string_view text, std::vector<Problem>& problems);

}  // namespace streamflow::expr
