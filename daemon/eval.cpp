#include "daemon/eval.h"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>

#include "core/batch.h"
#include "core/column.h"
#include "core/diagnostic.h"
#include "core/expr/program.h"
#include "core/schema.h"
#include "daemon/tagged_value.h"

namespace streamflow {
namespace {

constexpr int kUsage = 2;
constexpr size_t kRequestBytesMax = 64u << 20;

using Bindings = std::vector<std::pair<std::string, Value>>;

// `int`, `list(int)`, `map(string, dyn)`: of a value, one level deep.
std::string type_text(const Value& value) {
  const auto common = [](const auto& items, auto get) {
    std::string out;
    for (const auto& item : items) {
      const std::string name(kind_name(get(item).kind()));
      if (!out.empty() && out != name) return std::string("dyn");
      out = name;
    }
    return out.empty() ? "dyn" : out;
  };
  const std::string name(value.is_absent() ? "null" : kind_name(value.kind()));
  if (value.is(Kind::kList))
    return name + "(" +
           common(value.items(), [](const Value& item) -> const Value& { return item; }) + ")";
  if (value.is(Kind::kMap))
    return name + "(" +
           common(value.entries(), [](const auto& entry) -> const Value& { return entry.first; }) +
           ", " +
           common(value.entries(), [](const auto& entry) -> const Value& { return entry.second; }) +
           ")";
  if (value.is(Kind::kOptional) && !value.inner().is(Kind::kMissing))
    return name + "(" + type_text(value.inner()) + ")";
  return name;
}

Batch one_row() {
  Batch batch;
  batch.rows = 1;
  return batch;
}

Batch record_batch(const Value& record) {
  Batch batch = one_row();
  const auto add = [&batch](std::string name, const Value& value) {
    auto column = std::make_shared<Column>(1);
    column->set(0, value);
    batch.set(std::move(name), std::move(column));
  };
  if (!record.is(Kind::kMap)) add("value", record);
  if (record.is(Kind::kMap))
    for (const auto& [name, value] : record.entries()) add(std::string(name.text()), value);
  return batch;
}

// The text of --record; nothing when the file cannot be read.
std::optional<std::string> record_text(const std::string& record) {
  const auto all = [](std::istream& in) {
    return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  };
  if (record == "-") return all(std::cin);
  if (!record.starts_with('@')) return record;
  std::ifstream file(record.substr(1), std::ios::binary);
  if (!file) return {};
  return all(file);
}

Result<Value> bound_value(std::string_view type, std::string_view text) {
  if (type != "list" && type != "map" && type != "optional") return value_from_text(type, text);
  std::vector<expr::Problem> problems;
  const auto program = expr::compile(text, {}, problems);
  if (!program) return fail(ErrorKind::kData, problems.front().message);
  Value value = program->evaluate_row(one_row(), 0);
  if (value.is_error()) return fail(ErrorKind::kData, std::string(value.text()));
  if (kind_name(value.kind()) != type)
    return fail(ErrorKind::kData, "it is " + with_article(value.kind()));
  return value;
}

// NAME:TYPE=VALUE
Result<std::pair<std::string, Value>> binding(const std::string& text) {
  const size_t equals = text.find('=');
  const size_t colon = text.find(':');
  if (equals == std::string::npos || colon == std::string::npos || colon > equals || colon == 0)
    return fail(ErrorKind::kConfig, "--bind " + text + ": write NAME:TYPE=VALUE, as in x:int=5");
  const std::string_view type = std::string_view(text).substr(colon + 1, equals - colon - 1);
  Result<Value> value = bound_value(type, std::string_view(text).substr(equals + 1));
  if (value && value->is_error()) value = fail(ErrorKind::kData, std::string(value->text()));
  if (!value) return fail(ErrorKind::kConfig, "--bind " + text + ": " + value.error().message);
  return std::pair(text.substr(0, colon), std::move(*value));
}

// The line of the expression that a problem begins in, and a caret under its characters.
std::string picture(std::string_view text, const expr::Problem& problem) {
  auto file = std::make_shared<SourceFile>(SourceFile{"expression", std::string(text)});
  Diagnostic diagnostic{
      problem.warning ? Severity::kWarning : Severity::kError,
      problem.code,
      problem.message,
      {file, static_cast<uint32_t>(problem.begin), static_cast<uint32_t>(problem.end)},
      problem.label,
      ""};
  return render(diagnostic);
}

int print_error(std::string_view message) {
  std::printf("error: %.*s\n", static_cast<int>(message.size()), message.data());
  return 1;
}

int usage(const std::string& message) {
  std::fprintf(stderr, "streamflowd eval: %s\n", message.c_str());
  return kUsage;
}

int evaluate(const std::string& text, const expr::Scope& scope, const Batch& batch) {
  std::vector<expr::Problem> problems;
  const auto program = expr::compile(text, scope, problems);
  for (const expr::Problem& problem : problems) std::fputs(picture(text, problem).c_str(), stderr);
  if (!program) {
    for (const expr::Problem& problem : problems)
      if (!problem.warning) return print_error(problem.message);
    return print_error("bad expression");
  }
  const Value value = program->evaluate_row(batch, 0);
  if (value.is_error()) return print_error(value.text());
  std::printf("%s : %s\n", expr::literal(value).c_str(), type_text(value).c_str());
  return 0;
}

int run_single(const EvalCommand& command) {
  expr::Scope scope;
  const Schema open;
  Batch batch = one_row();
  for (const std::string& text : command.bind) {
    Result<std::pair<std::string, Value>> bound = binding(text);
    if (!bound) return usage(bound.error().message);
    scope.bindings.push_back(std::move(*bound));
  }
  if (!command.record.empty()) {
    const std::optional<std::string> text = record_text(command.record);
    if (!text) return print_error("cannot read " + command.record.substr(1));
    const Value record = parse_json(*text);
    if (record.is_error())
      return print_error("the record is no JSON: " + std::string(record.text()));
    batch = record_batch(record);
    scope.schema = &open;
  }
  return evaluate(command.expression, scope, batch);
}

// --- eval --typed ---

Result<Bindings> bindings_of(const Value& request) {
  Bindings out;
  for (const auto& [key, value] : request.entries()) {
    if (key.text() != "bind" || value.is_absent()) continue;
    if (!value.is(Kind::kMap))
      return fail(ErrorKind::kData, "'bind' is an object of names and values");
    for (const auto& [name, tagged] : value.entries()) {
      Result<Value> read = read_tagged(tagged);
      if (!read)
        return fail(ErrorKind::kData, std::string(name.text()) + ": " + read.error().message);
      out.emplace_back(std::string(name.text()), std::move(*read));
    }
  }
  return out;
}

const Value* expression_of(const Value& request) {
  for (const auto& [key, value] : request.entries())
    if (key.text() == "expr" && value.is(Kind::kString)) return &value;
  return nullptr;
}

Value evaluate_request(std::string_view line) {
  const Value request = parse_json(line);
  if (line.find_first_not_of(" \t\r") == std::string_view::npos)
    return Value::error("this line is empty: write {\"expr\": \"…\"}");
  if (request.is_error())
    return Value::error("this line is no JSON: " + std::string(request.text()));
  const Value* text = request.is(Kind::kMap) ? expression_of(request) : nullptr;
  if (!text) return Value::error("write {\"expr\": \"…\"}");
  Result<Bindings> bindings = bindings_of(request);
  if (!bindings) return Value::error(bindings.error().message);
  expr::Scope scope;
  scope.bindings = std::move(*bindings);
  scope.unchecked = true;
  std::vector<expr::Problem> problems;
  const auto program = expr::compile(text->text(), scope, problems);
  if (program) return program->evaluate_row(one_row(), 0);
  for (const expr::Problem& problem : problems)
    if (!problem.warning) return Value::error(problem.message);
  return Value::error("bad expression");
}

// Lines of any length up to a bound, read as they come; answers leave when no further line is
// there.
class TypedLoop {
 public:
  int run() {
    std::string line;
    for (int c = std::getchar(); c != EOF; c = std::getchar()) {
      if (c != '\n') {
        if (line.size() <= kRequestBytesMax) line += static_cast<char>(c);
        continue;
      }
      answer(line);
      line.clear();
    }
    if (!line.empty()) answer(line);  // without a line break
    return 0;
  }

 private:
  static void answer(const std::string& line) {
    const std::string text = line.size() > kRequestBytesMax
                                 ? "{\"error\": \"this line is longer than 64 MiB\"}"
                                 : answer_typed(line);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::putchar('\n');
    std::fflush(stdout);
  }
};

}  // namespace

std::vector<std::string> order_eval_arguments(const std::vector<std::string>& arguments) {
  std::vector<std::string> options, expressions;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    const bool named = argument.starts_with("--") && argument.size() > 2;
    if (argument == "--") {
      expressions.insert(expressions.end(), arguments.begin() + static_cast<ptrdiff_t>(i) + 1,
                         arguments.end());
      break;
    }
    if ((argument == "--record" || argument == "--bind") && i + 1 < arguments.size())
      options.push_back(argument + "=" + arguments[++i]);
    else if (named || argument == "-h")
      options.push_back(argument);
    else
      expressions.push_back(argument);
  }
  if (!expressions.empty()) options.emplace_back("--");
  options.insert(options.end(), expressions.begin(), expressions.end());
  return options;
}

std::string answer_typed(std::string_view request) {
  const Value value = evaluate_request(request);
  std::string out;
  if (value.is_error()) {
    out = "{\"error\": ";
    append_json_string(value.text(), out);
  } else {
    out = "{\"value\": ";
    append_tagged(value, out);
  }
  return out + "}";
}

int run_eval(const EvalCommand& command) {
  if (command.typed) {
    if (!command.expression.empty() || !command.record.empty() || !command.bind.empty())
      return usage("--typed reads its expressions and bindings from standard input");
    return TypedLoop().run();
  }
  if (command.expression.empty())
    return usage("write an expression, as in streamflowd eval '1 + 2'");
  return run_single(command);
}

}  // namespace streamflow
