// The tree of an expression.  The parser makes it, the checker resolves it in place (names, types,
// functions, folded constants), evaluator and kernels read it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/schema.h"
#include "core/value.h"

namespace re2 {
class RE2;
}

namespace streamflow::expr {

struct Function;
struct ConstantSet;

enum class NodeKind : uint8_t {
  kLiteral,      // value
  kName,         // name
  kSelect,       // children[0] . name
  kIndex,        // children[0] [ children[1] ]
  kCall,         // name(children…), or children[0].name(rest) where `receiver`
  kUnary,        // op children[0]
  kBinary,       // children[0] op children[1]
  kAnd,          // all of children, two or more
  kOr,           // any of children
  kConditional,  // children[0] ? children[1] : children[2]
  kList,         // [children…]
  kMap,          // {children[0]: children[1], …}
};

enum class Op : uint8_t {
  kNone,
  kNot,
  kNegate,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kRemainder,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
};
std::string_view op_text(Op op);
bool is_keyword(std::string_view name);  // true false null in
inline bool is_arithmetic(Op op) { return op >= Op::kAdd && op <= Op::kRemainder; }
inline bool is_ordering(Op op) { return op >= Op::kLess && op <= Op::kGreaterEqual; }

// What a checked name, path or macro is.
enum class Resolved : uint8_t {
  kNone,
  kField,      // slot: of a record field
  kMetaField,  // slot: of a meta field
  kRecord,     // the whole record as a map
  kTime,
  kNow,
  kLocal,  // slot: of a macro's variable
};

enum class Macro : uint8_t {
  kNone,
  kHas,
  kAll,
  kExists,
  kExistsOne,
  kMap,
  kFilter,
  kTransformList,
  kTransformMap,
  kTransformMapEntry,
  kSortBy,
  kBind,
  kOptMap,
  kOptFlatMap,
};

struct Node;
using NodePtr = std::unique_ptr<Node>;

struct Node {
  NodeKind kind = NodeKind::kLiteral;
  Op op = Op::kNone;
  bool receiver = false;                  // kCall
  bool optional = false;                  // kSelect a.?b, kIndex a[?b]
  bool rooted = false;                    // kName and kCall with a leading dot
  uint32_t begin = 0, end = 0;            // bytes of the whole, without parentheses around it
  uint32_t name_begin = 0, name_end = 0;  // of the name, selector, function or operator
  uint32_t depth = 1;                     // of the tree below
  std::string name;
  Value value;
  std::vector<NodePtr> children;
  std::vector<bool> marked;  // kList elements, kMap entries written with `?`; empty: none

  // --- set by the checker ---
  Type type = Type::kDyn;
  Type element = Type::kDyn;  // of a list, of a map's values, in an optional
  Type key = Type::kDyn;      // of a map
  bool number = false;        // looks at the record: its numbers are StreamFlow's `number`
  bool data = false;          // a path into the record: what is not there is null, not an error
  bool nested = false;        // kSelect: a.b.c from a field on, without `?`
  bool constant = false;      // the same for all rows
  Resolved resolved = Resolved::kNone;
  Macro macro = Macro::kNone;
  uint32_t slot = 0;  // macros: of the first variable
  uint8_t variables = 0;
  uint32_t shared = 0;  // its number among the parts that stand there more than once, from 1
  const Function* function = nullptr;
  std::shared_ptr<const re2::RE2> pattern;     // of a constant regular expression
  std::shared_ptr<const ConstantSet> members;  // `in` a constant list

  bool is_literal() const { return kind == NodeKind::kLiteral; }
};

NodePtr make_literal(Value value, uint32_t begin, uint32_t end);
NodePtr clone(const Node& node);
// CEL text of an unchecked tree with the fewest parentheses; parsing it gives the same tree.
std::string print(const Node& node);

}  // namespace streamflow::expr
