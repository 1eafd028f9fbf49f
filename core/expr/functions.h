// The one table of functions: names, overloads, help, examples.  The checker types calls by it, the
// evaluator runs them by it, `streamflowd list function` and the reference page are made from it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/expr/ast.h"
#include "core/expr/program.h"

namespace streamflow::expr {

class Evaluator;

struct Call {
  std::span<Value> arguments;  // the receiver first; none is an error
  const Node& node;
  Evaluator& evaluator;
  const Value& operator[](size_t i) const { return arguments[i]; }
  size_t size() const { return arguments.size(); }
};
using Implementation = Value (*)(const Call&);

struct Overload {
  std::vector<Type> parameters;  // kDyn takes anything but null
  Type result = Type::kDyn;
  Type element = Type::kDyn;  // of a list that it returns
  Implementation run = nullptr;
  std::string signature;
  std::vector<bool> takes_null;  // by parameter: written `any`
  bool variadic = false;         // the last parameter any number of times, at least once
};

struct Function {
  std::string name;       // with its namespace: "math.greatest"
  bool receiver = false;  // x.name(…)
  std::vector<Overload> overloads;
  std::string help;
  std::string example, result;
  bool takes_count(size_t arguments) const;
};

// What a parameter of a type accepts at run time.  `number`: also numbers of another kind that have
// the same value (an int for a double, a whole double for an int).
bool accepts(Type parameter, const Value& value, bool number);
// The same statically: false only when it can never fit.
bool may_accept(Type parameter, Type argument, bool number);

// Exactly this name and style, or null.
const Function* find_function(std::string_view name, bool receiver);
const std::vector<Function>& function_table();

// Fills the table; one call for each family.
class FunctionTable {
 public:
  struct Row {
    const char* signature;  // "string.startsWith(string) -> bool"
    Implementation run;
  };
  void add(std::vector<Row> rows, const char* help, const char* example, const char* result);
  std::vector<Function> functions;

 private:
  Function& find_or_add(const std::string& name, bool receiver);
};
void add_core_functions(FunctionTable& table);
void add_conversions(FunctionTable& table);
void add_time_functions(FunctionTable& table);
void add_string_functions(FunctionTable& table);
void add_math_functions(FunctionTable& table);
void add_list_functions(FunctionTable& table);
void add_optional_functions(FunctionTable& table);
void add_regex_functions(FunctionTable& table);
void add_hash_functions(FunctionTable& table);
void add_extra_functions(FunctionTable& table);

}  // namespace streamflow::expr
