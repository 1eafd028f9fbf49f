#include "core/expr/foreign.h"

#include <span>

namespace streamflow::expr {
namespace {

struct Word {
  std::string_view word, write;
};

std::string_view look_up(std::span<const Word> words, std::string_view wanted) {
  for (const Word& word : words)
    if (word.word == wanted) return word.write;
  return {};
}

}  // namespace

std::optional<ForeignRelation> foreign_relation(std::string_view word, std::string_view next) {
  static constexpr ForeignRelation kSigns[] = {
      {Op::kEqual, "===", "==", 1},
      {Op::kNotEqual, "!==", "!=", 1},
      {Op::kNotEqual, "<>", "!=", 1},
      {Op::kEqual, ":=", "==", 1},
  };
  for (const ForeignRelation& sign : kSigns)
    if (sign.written == word) return sign;
  if (word == "not" && next == "in") return ForeignRelation{Op::kIn, "not in", "!(x in list)", 2};
  if (word == "is" && next == "not") return ForeignRelation{Op::kNotEqual, "is not", "!=", 2};
  if (word == "is") return ForeignRelation{Op::kEqual, "is", "==", 1};
  return {};
}

std::string_view foreign_literal(std::string_view word) {
  static constexpr Word kWords[] = {
      {"None", "null"}, {"NULL", "null"},      {"Null", "null"},
      {"nil", "null"},  {"undefined", "null"}, {"True", "true"},
      {"TRUE", "true"}, {"False", "false"},    {"FALSE", "false"},
  };
  return look_up(kWords, word);
}

std::string_view foreign_operator(std::string_view word) {
  static constexpr Word kWords[] = {
      {"like", "write x.startsWith('…'), x.contains('…') or x.matches('…')"},
      {"ilike", "write x.lowerAscii().contains('…')"},
      {"rlike", "write x.matches('…')"},
      {"=~", "write x.matches('…')"},
      {"between", "write low <= x && x <= high"},
      {"if", "write condition ? a : b"},
      {"then", "write condition ? a : b"},
      {"else", "write condition ? a : b"},
      {"as", "a new name is given by derive or select"},
      {"**", "write x * x"},
      {"<=>", "compare with < == >"},
      {"mod", "write %"},
  };
  return look_up(kWords, word);
}

std::string_view foreign_function(std::string_view name) {
  static constexpr Word kWords[] = {
      {"avg", "mean(x)"},
      {"average", "mean(x)"},
      {"stddev", "std(x)"},
      {"stdev", "std(x)"},
      {"variance", "var(x)"},
      {"nunique", "count_distinct(x)"},
      {"len", "size(x)"},
      {"length", "size(x)"},
      {"count", "size(x) for a list; count() belongs to a window's select"},
      {"str", "string(x)"},
      {"to_string", "string(x)"},
      {"toString", "string(x)"},
      {"text", "string(x)"},
      {"float", "double(x)"},
      {"number", "double(x)"},
      {"to_number", "double(x)"},
      {"integer", "int(x)"},
      {"bigint", "int(x)"},
      {"boolean", "bool(x)"},
      {"lower", "x.lowerAscii()"},
      {"toLowerCase", "x.lowerAscii()"},
      {"upper", "x.upperAscii()"},
      {"toUpperCase", "x.upperAscii()"},
      {"strip", "x.trim()"},
      {"startswith", "x.startsWith('…')"},
      {"starts_with", "x.startsWith('…')"},
      {"endswith", "x.endsWith('…')"},
      {"ends_with", "x.endsWith('…')"},
      {"includes", "x.contains('…')"},
      {"match", "x.matches('…')"},
      {"regexp_like", "x.matches('…')"},
      {"substr", "x.substring(from, to)"},
      {"concat", "a + b"},
      {"abs", "math.abs(x)"},
      {"exp", "math.exp(x)"},
      {"log", "math.log(x)"},
      {"ln", "math.log(x)"},
      {"log10", "math.log10(x)"},
      {"sin", "math.sin(x)"},
      {"cos", "math.cos(x)"},
      {"floor", "math.floor(x)"},
      {"ceil", "math.ceil(x)"},
      {"sqrt", "math.sqrt(x)"},
      {"greatest", "math.greatest(a, b)"},
      {"least", "math.least(a, b)"},
      {"pow", "math.pow(x, y)"},
      {"mod", "a % b"},
      {"isnull", "x == null"},
      {"isna", "x == null"},
      {"is_null", "x == null"},
      {"notnull", "x != null"},
      {"notna", "x != null"},
      {"ifnull", "coalesce(a, b)"},
      {"nvl", "coalesce(a, b)"},
      {"isnan", "math.isNaN(x)"},
      {"isin", "x in [a, b]"},
      {"datetime", "timestamp(x)"},
      {"to_datetime", "timestamp(x), or parseTime(x, '%d/%m/%Y')"},
      {"strptime", "parseTime(x, '%d/%m/%Y')"},
      {"strftime", "formatTime(x, '%d/%m/%Y')"},
      {"date_format", "formatTime(x, '%d/%m/%Y')"},
      {"md5", "hash.sha256(x)"},
      {"sha256", "hash.sha256(x)"},
      {"hash", "hash.xxh64(x)"},
      {"shift", "lag(x)"},
      {"pct_change", "diff(x) / lag(x)"},
      {"width_bucket", "bucket(x, width)"},
      {"to_timestamp", "timestamp(x)"},
      {"interval", "duration('1h')"},
      {"timedelta", "duration('1h')"},
      {"hour", "time.getHours()"},
      {"iif", "condition ? a : b"},
      {"where", "condition ? a : b"},
      {"any", "list.exists(x, condition)"},
      {"defined", "has(x)"},
      {"exists", "has(x)"},
      {"typeof", "type(x)"},
      {"isinstance", "type(x) == int"},
  };
  return look_up(kWords, name);
}

}  // namespace streamflow::expr
