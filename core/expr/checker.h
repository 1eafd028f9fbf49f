// The checker's class, for check*.cpp only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/expr/check.h"
#include "core/expr/functions.h"

namespace streamflow::expr {

struct StaticType {
  Type type = Type::kDyn;
  Type element = Type::kDyn;
  Type key = Type::kDyn;
};

inline bool is_numeric(Type t) {
  return t == Type::kInt || t == Type::kUint || t == Type::kDouble || t == Type::kNumber;
}
inline bool is_open(Type t) { return t == Type::kDyn || t == Type::kError; }
Type type_of(Kind kind);
StaticType type_of(const Value& value);
Type join(Type a, Type b);

class Checker {
 public:
  Checker(Tree& tree, const Scope& scope, std::vector<Problem>& problems)
      : tree_(tree), scope_(scope), problems_(problems) {}
  bool run();

 private:
  struct Variable {
    std::string name;
    uint32_t slot;
    StaticType type;
    bool number, data;
  };

  // check.cpp
  void check(NodePtr& node, bool wants_type = false);
  void check_children(Node& node);
  void name(NodePtr& node, bool wants_type);
  bool special_name(NodePtr& node);
  void field(Node& node, std::string name, size_t begin, size_t end);
  void unknown_field(Node& node, const Schema& schema, const std::string& name, size_t begin,
                     size_t end);
  void meta_field(Node& node, std::string name);
  void select(NodePtr& node);
  void index(NodePtr& node);
  void list(Node& node);
  void map(Node& node);
  bool dotted(NodePtr& node);
  const Variable* variable(std::string_view name) const;

  // check_constants.cpp
  void become_literal(NodePtr& node, Value value);
  bool decided(const Node& node) const;
  void fold(NodePtr& node);

  // check_types.cpp
  void unary(Node& node);
  void binary(NodePtr& node);
  void arithmetic(Node& node);
  Type arithmetic_type(const Node& node) const;
  void comparison(Node& node);
  void membership(Node& node);
  void condition(const Node& node, std::string_view where);
  void conditional(Node& node);

  // check_calls.cpp
  void call(NodePtr& node);
  bool namespaced(Node& node);
  void unknown_function(Node& node);
  void resolve_overload(Node& node);
  void wrong_arguments(Node& node);
  void constant_pattern(Node& node);

  // check_macros.cpp
  bool macro(NodePtr& node);  // false: the call is none
  bool has(Node& node);
  void has_member(NodePtr& what);
  bool take_variables(Node& node, size_t count);
  static std::vector<StaticType> variable_types(const Node& node, size_t variables);
  void finish_macro(Node& node);

  void error(std::string code, size_t begin, size_t end, std::string message,
             std::string label = {});
  void warning(std::string code, size_t begin, size_t end, std::string message,
               std::string label = {});

  Tree& tree_;
  const Scope& scope_;
  std::vector<Problem>& problems_;
  std::vector<Variable> variables_;
  bool failed_ = false;
};

}  // namespace streamflow::expr
