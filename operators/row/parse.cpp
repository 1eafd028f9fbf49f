#include "operators/row/parse.h"

#include "core/encode.h"
#include "operators/field_pairs.h"
#include "operators/row/spread.h"
#include "operators/row/text_parser.h"

namespace streamflow {
namespace {

class Parse final : public Operator {
 public:
  Parse(std::string field, std::string as, bool into_fields, std::unique_ptr<TextParser> parser)
      : field_(std::move(field)),
        as_(std::move(as)),
        into_fields_(into_fields),
        parser_(std::move(parser)) {
    nulls_ = "{";
    for (const std::string& name : parser_->fields()) {
      if (nulls_.size() > 1) nulls_ += ',';
      append_json_string(name, nulls_);
      nulls_ += ":null";
    }
    nulls_ += '}';
  }

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    const ColumnPtr column = readable_field(batch, field_);
    Spread spread(batch, field_, false, out);
    for (size_t i = begin; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      json_.clear();
      if (!read(*column, batch, row, out)) {
        into_fields_ ? spread.add_members(row, nulls_) : spread.add_value(row, as_, "null");
      } else if (into_fields_ && json_.front() == '{') {
        spread.add_members(row, json_);
      } else {
        spread.add_value(row, as_, json_);
      }
    }
    spread.flush();
    out.tally().passed += spread.sent();
    return batch.count();
  }

 private:
  // Into json_; false: there is nothing to read.
  bool read(const Column& column, const Batch& batch, uint32_t row, Emitter& out) {
    const Kind kind = column.kind(row);
    if (kind <= Kind::kNull) return false;
    std::string reason;
    std::string text;
    if (kind == Kind::kString || kind == Kind::kBytes) {
      text = column.text(row);
    } else {
      append_cell_text(column, row, TimestampStyle::kRfc3339, text);
    }
    if (parser_->parse(text, json_, reason)) return true;
    out.cell_error(batch, row, "parse: " + field_ + ": " + reason);
    return false;
  }

  std::string field_, as_;
  bool into_fields_;
  std::unique_ptr<TextParser> parser_;
  std::string nulls_;
  std::string json_;
};

std::unique_ptr<Operator> build(BuildContext& context) {
  const Params& params = context.params;
  const SpecValue& name = *params.value("parse");
  const bool known = check_field(context, name);
  auto parser = read_text_parser(context);
  if (!known || !parser) return nullptr;
  const std::string format = params.choice("format");
  const bool spreads = format != "json" && format != "number";
  const bool into_fields = params.has("into") ? params.choice("into") == "fields" : spreads;
  if (into_fields && params.has("as")) {
    context.diagnostics.error("E0433", params.span("as"),
                              "'as' names one value, and the parts become fields",
                              "add `into: value`");
    return nullptr;
  }
  if (into_fields && format == "number") {
    context.diagnostics.error("E0433", params.span("into"), "a number has no parts");
    return nullptr;
  }
  context.reads.insert(name.text);
  const std::string as = params.has("as") ? params.text("as") : name.text;
  if (!into_fields) {
    context.output.set(as, format == "number" ? Type::kNumber
                           : format == "json" ? Type::kDyn
                                              : Type::kMap);
  } else if (const auto fields = parser->fields(); !fields.empty()) {
    for (const std::string& field : fields) context.output.set(field, Type::kDyn);
  } else {
    context.output.open = true;  // any field may come, in place of any
    for (Field& field : context.output.fields) field.type = Type::kDyn;
  }
  return std::make_unique<Parse>(name.text, as, into_fields, std::move(parser));
}

}  // namespace

StepDescriptor parse_step() {
  StepDescriptor step;
  step.verb = "parse";
  step.summary = "read a text field by a format";
  step.pandas = "str.extract, json_normalize";
  step.argument = {"parse", OptionType::kName, "the field with the text"};
  step.argument.required = true;
  step.options = text_parser_options();
  OptionDescriptor into{"into", OptionType::kChoice,
                        "one value, or fields (the default of csv, regex and kv)"};
  into.choices = {"value", "fields"};
  step.options.push_back(std::move(into));
  step.options.push_back({"as", OptionType::kName, "the field of the value; without it, in place"});
  step.example =
      "- parse: line\n  format: regex\n  pattern: '(?P<method>\\w+) (?P<path>\\S+) "
      "(?P<status>\\d+)'";
  step.build = build;
  return step;
}

}  // namespace streamflow
