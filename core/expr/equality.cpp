#include "core/expr/equality.h"

#include <algorithm>

#include "core/map_equality.h"

namespace streamflow::expr {
namespace {

bool equal_rounded(const Value& a, const Value& b);

bool equal_lists(const Value::List& a, const Value::List& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal_rounded);
}

bool equal_optionals(const Value& a, const Value& b) {
  const bool none = a.is(Kind::kMissing) || b.is(Kind::kMissing);
  return none ? a.kind() == b.kind() : equal_rounded(a, b);
}

int compare_rounded(const Value& a, const Value& b) {
  const int order = streamflow::compare(a, b);
  const bool mixed = is_number(a.kind()) && is_number(b.kind()) &&
                     a.is(Kind::kDouble) != b.is(Kind::kDouble) && order != kUnordered;
  return mixed ? streamflow::compare(Value::real(a.to_double()), Value::real(b.to_double()))
               : order;
}

bool equal_rounded(const Value& a, const Value& b) {
  if (is_number(a.kind()) && is_number(b.kind())) return compare_rounded(a, b) == 0;
  if (a.kind() != b.kind()) return streamflow::equal(a, b);
  if (a.is(Kind::kList)) return equal_lists(a.items(), b.items());
  if (a.is(Kind::kMap)) return streamflow::equal_maps(a.entries(), b.entries(), equal_rounded);
  if (a.is(Kind::kOptional)) return equal_optionals(a.inner(), b.inner());
  return streamflow::equal(a, b);
}

}  // namespace

bool equal(bool number, const Value& a, const Value& b) {
  return number ? streamflow::equal(a, b) : equal_rounded(a, b);
}

int compare(bool number, const Value& a, const Value& b) {
  return number ? streamflow::compare(a, b) : compare_rounded(a, b);
}

}  // namespace streamflow::expr
