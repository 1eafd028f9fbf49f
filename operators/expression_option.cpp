#include "operators/expression_option.h"

#include <algorithm>

namespace streamflow {
namespace {

void note(BuildContext& context, const expr::Program& program,
          const std::set<std::string>* made = nullptr) {
  for (const std::string& field : program.fields()) {
    if (made == nullptr || !made->contains(field)) context.reads.insert(field);
  }
  context.meta.insert(program.meta().begin(), program.meta().end());
}

bool is_name_start(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

}  // namespace

void report_problems(BuildContext& context, const SpecValue& value,
                     const std::vector<expr::Problem>& problems, size_t shift) {
  const auto place = [&](size_t at) {
    return std::clamp<size_t>(at < shift ? 0 : at - shift, 0, value.text.size());
  };
  for (const expr::Problem& problem : problems) {
    context.diagnostics.add({problem.warning ? Severity::kWarning : Severity::kError, problem.code,
                             problem.message, value.part(place(problem.begin), place(problem.end)),
                             problem.label, ""});
  }
}

namespace {

std::unique_ptr<expr::Program> compile_in(BuildContext& context, const SpecValue& value,
                                          const expr::Scope& scope,
                                          const std::set<std::string>* made) {
  std::vector<expr::Problem> problems;
  auto program = expr::compile(value.text, scope, problems);
  report_problems(context, value, problems);
  if (program) note(context, *program, made);
  return program;
}

}  // namespace

std::unique_ptr<expr::Program> compile_option(BuildContext& context, const SpecValue& value,
                                              const Schema& schema,
                                              const std::set<std::string>* made) {
  expr::Scope scope;
  scope.schema = &schema;
  return compile_in(context, value, scope, made);
}

std::unique_ptr<expr::Program> compile_condition_option(BuildContext& context,
                                                        const SpecValue& value,
                                                        const Schema& schema) {
  expr::Scope scope;
  scope.schema = &schema;
  scope.condition = true;
  return compile_in(context, value, scope, nullptr);
}

std::unique_ptr<expr::RowProgram> compile_row_option(BuildContext& context, const SpecValue& value,
                                                     const Schema& schema, bool condition,
                                                     const std::set<std::string>* made) {
  expr::Scope scope;
  scope.schema = &schema;
  scope.condition = condition;
  std::vector<expr::Problem> problems;
  auto program = expr::compile_row(value.text, scope, problems);
  report_problems(context, value, problems);
  if (!program) return nullptr;
  std::set<std::string> results;
  for (size_t i = 0; i < program->calls.size(); ++i) results.insert("$" + std::to_string(i));
  if (made != nullptr) results.insert(made->begin(), made->end());
  for (const expr::RowCall& call : program->calls) note(context, *call.arguments[0], &results);
  note(context, *program->outer, &results);
  return program;
}

std::unique_ptr<expr::AggregateProgram> compile_aggregate_option(BuildContext& context,
                                                                 const SpecValue& value,
                                                                 const Schema& outside,
                                                                 std::string_view function) {
  expr::Scope scope;
  scope.schema = &context.input;
  scope.aggregates = true;
  scope.outside = &outside;
  std::string text = value.text;
  const size_t shift = function.empty() ? 0 : function.size() + 1;
  if (shift != 0) text = std::string(function) + "(" + text + ")";
  std::vector<expr::Problem> problems;
  auto program = expr::compile_aggregate(text, scope, problems);
  report_problems(context, value, problems, shift);
  if (!program) return nullptr;
  for (const expr::AggregateCall& call : program->calls) {
    for (const auto& argument : call.arguments) note(context, *argument);
    if (call.where) note(context, *call.where);
  }
  return program;
}

void report_unknown_field(BuildContext& context, const SpecValue& name) {
  constexpr size_t kShown = 12;
  const std::vector<std::string> names = context.input.names();
  const std::string likely = nearest(name.text, names);
  std::string help;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i)
    help += (i == 0 ? "fields here: " : ", ") + names[i];
  if (names.size() > kShown) help += " and " + std::to_string(names.size() - kShown) + " more";
  context.diagnostics.error("E0406", name.span, "there is no field '" + name.text + "' here",
                            likely.empty() ? "" : "did you mean '" + likely + "'?", help);
}

bool is_path(std::string_view text) {
  bool start = true;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '.' && !start) {
      start = true;
    } else if (is_name_start(byte) || (!start && byte >= '0' && byte <= '9')) {
      start = false;
    } else {
      return false;
    }
  }
  return !start;
}

std::string path_name(std::string_view path) {
  if (path.starts_with("meta.")) path.remove_prefix(5);
  std::string name(path);
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

ColumnPtr column_of(const expr::Program& program, const Batch& batch, size_t begin) {
  const std::string_view field = program.plain_field();
  if (field.empty()) return program.evaluate(batch, begin);
  ColumnPtr column = batch.field(field);
  if (!column) return std::make_shared<Column>(batch.rows);
  column->decode(batch.selected.get());
  return column;
}

OptionDescriptor on_error_option(OnError fallback) {
  OptionDescriptor option{"on_error", OptionType::kChoice,
                          "what becomes of a record whose expression fails"};
  option.choices = {"fail_record", "null"};
  option.fallback = fallback == OnError::kFailRecord ? "fail_record" : "null";
  return option;
}

OnError on_error(const Params& params) {
  return params.choice("on_error") == "null" ? OnError::kNull : OnError::kFailRecord;
}

}  // namespace streamflow
