// Equality and order of values inside expressions.  StreamFlow's `number` compares by exact value,
// as core/value.h does; CEL's own numbers as its implementations do, which round an integer beside
// a double to one (unless it is beyond all integers).  Lists, maps, `in` and functions follow `==`.
#pragma once

#include "core/value.h"

namespace streamflow::expr {

// `number`: Node::number of the operator or call.
bool equal(bool number, const Value& a, const Value& b);
int compare(bool number, const Value& a, const Value& b);  // may be kUnordered

}  // namespace streamflow::expr
