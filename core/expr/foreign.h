// Words and signs of Python, SQL and JavaScript, and the CEL to write for them.
#pragma once

#include <optional>
#include <string_view>

#include "core/expr/ast.h"

namespace streamflow::expr {

// A relation as written elsewhere, `<>`, `is not`…: the operator it means and how many words it
// has.
struct ForeignRelation {
  Op op;
  std::string_view written;  // for messages, lower case
  std::string_view write;
  int words;
};
// `word` and `next` in lower case.
std::optional<ForeignRelation> foreign_relation(std::string_view word, std::string_view next);

// `None`, `True`…: "null", "true" or "false"; else empty.
std::string_view foreign_literal(std::string_view word);

// What to write for a word or sign that stands where an operator should (`like`, `between`, `**`),
// or empty.  Lower case.
std::string_view foreign_operator(std::string_view word);

// What to write instead of a function of another language ("len" -> "size(x)"), or empty.
std::string_view foreign_function(std::string_view name);

}  // namespace streamflow::expr
