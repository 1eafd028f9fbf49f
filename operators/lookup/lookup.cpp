#include "operators/lookup/lookup.h"

#include <algorithm>

#include "core/keys.h"
#include "core/lookup_table.h"
#include "operators/expression_option.h"
#include "operators/join/joined_rows.h"

namespace streamflow {
namespace {

struct LookupField {
  std::string name;    // before a suffix
  std::string column;  // of the table
};

bool has_text(Kind kind) {
  return kind == Kind::kString || kind == Kind::kBytes || kind == Kind::kList || kind == Kind::kMap;
}

// Every record passes with the fields of its row, or with nulls.  No state: the table is the feed's.
class Lookup final : public Operator {
 public:
  Lookup(std::vector<std::unique_ptr<expr::Program>> keys, std::vector<LookupField> fields, JoinPlan names,
         std::unique_ptr<TableFeed> feed)
      : keys_(std::move(keys)),
        fields_(std::move(fields)),
        names_(std::move(names)),
        joined_(names_),
        feed_(std::move(feed)) {}

  size_t process(const Batch& batch, size_t begin, Emitter& out) override {
    const LookupTablePtr table = feed_->current();
    std::vector<ColumnPtr> keys;
    for (const auto& key : keys_) keys.push_back(column_of(*key, batch, begin));
    auto found = std::make_shared<Selection>();
    std::vector<int64_t> rows(batch.rows, -1);  // of the table
    for (size_t i = begin; i < batch.count(); ++i) {
      const uint32_t row = batch.row_at(i);
      if (const std::string_view error = error_of(keys, row); !error.empty()) {
        out.fail(batch, row, error);
        continue;
      }
      rows[row] = find(*table, keys, row);
      found->push_back(row);
    }
    if (found->empty()) return batch.count();
    out.tally().passed += found->size();
    Batch left = batch;
    left.selected = std::move(found);
    joined_.attach(left, right(*table, table, rows), [&out](Batch joined, size_t) {
      out.emit(std::move(joined));
    });
    return batch.count();
  }

 private:
  static std::string_view error_of(const std::vector<ColumnPtr>& keys, uint32_t row) {
    for (const ColumnPtr& key : keys)
      if (key->kind(row) == Kind::kError) return key->text(row);
    return {};
  }

  int64_t find(const LookupTable& table, const std::vector<ColumnPtr>& keys, uint32_t row) {
    key_.clear();
    for (const ColumnPtr& key : keys) {
      if (key->kind(row) <= Kind::kNull) return -1;
      append_key_cell(*key, row, key_);
    }
    const auto at = table.row_of.find(key_);
    return at == table.row_of.end() ? -1 : int64_t{at->second};
  }

  // The fields beside the batch's rows.  Texts stay the table's.
  Batch right(const LookupTable& table, const LookupTablePtr& owner, const std::vector<int64_t>& rows) const {
    Batch right;
    right.rows = rows.size();
    for (const LookupField& field : fields_) {
      auto column = std::make_shared<Column>(rows.size());
      column->hold(owner);
      const int at = table.find(field.column);
      for (size_t row = 0; row < rows.size(); ++row) {
        if (at < 0 || rows[row] < 0) {
          column->set_null(row);
          continue;
        }
        const Column& cells = *table.columns[static_cast<size_t>(at)].column;
        const auto from = static_cast<size_t>(rows[row]);
        const Kind kind = cells.kind(from);
        if (kind <= Kind::kNull) {
          column->set_null(row);
        } else if (has_text(kind)) {
          column->set_text(row, kind, cells.text(from));
        } else {
          column->set_word(row, kind, cells.bits(from));
        }
      }
      right.columns.push_back({field.name, std::move(column), false});
    }
    return right;
  }

  std::vector<std::unique_ptr<expr::Program>> keys_;
  std::vector<LookupField> fields_;
  const JoinPlan names_;
  JoinedRows joined_;
  std::unique_ptr<TableFeed> feed_;
  std::string key_;
};

class Builder {
 public:
  explicit Builder(BuildContext& context) : context_(context), params_(context.params) {}

  std::unique_ptr<Operator> build() {
    read_keys();
    if (!good_ || !open()) return nullptr;
    check_keys();
    read_fields();
    if (!good_) return nullptr;
    add_fields();
    return std::make_unique<Lookup>(std::move(programs_), std::move(fields_), std::move(names_), std::move(feed_));
  }

 private:
  void complain(const char* code, Span span, const std::string& message, const std::string& label = {}) {
    context_.diagnostics.error(code, span, message, label);
    good_ = false;
  }

  void read_keys() {
    for (const auto& [left, right] : params_.entries("on")) {
      auto program = compile_option(context_, *left, context_.input);
      if (!program) {
        good_ = false;
        continue;
      }
      request_.keys.push_back(right->text);
      spans_.push_back(right->span);
      programs_.push_back(std::move(program));
    }
  }

  bool open() {
    const SpecValue& address = *params_.value("lookup");
    request_.address = address.text;
    request_.folder = params_.folder;
    request_.table = params_.text("table");
    request_.query = params_.text("query");
    request_.rows_max = static_cast<size_t>(params_.integer("max_rows"));
    if (context_.live) request_.refresh_us = params_.duration("refresh");
    for (const std::string_view later : {"redis:", "rediss:", "http:", "https:"}) {
      if (!address.text.starts_with(later)) continue;
      complain("E0456", address.span, "tables over the network are not in this version",
               "write a .csv or .json file, or sqlite:FILE");
      return false;
    }
    if (context_.tables == nullptr || !*context_.tables) {
      complain("E0456", address.span, "there is nothing here that reads tables");
      return false;
    }
    auto feed = (*context_.tables)(request_);
    if (!feed) {
      complain("E0456", address.span, "cannot read the table " + feed.error().message);
      return false;
    }
    feed_ = std::move(*feed);
    table_ = feed_->first();
    if (!table_->doubled_key.empty())
      context_.diagnostics.warning("E0457", address.span,
                                   "the key " + table_->doubled_key + " stands in several rows of the table",
                                   "the last of them counts");
    return true;
  }

  void check_keys() {
    const auto family = [](Type type) {
      if (type == Type::kInt || type == Type::kUint || type == Type::kDouble) return Type::kNumber;
      return type == Type::kError || type == Type::kNull ? Type::kDyn : type;
    };
    for (size_t i = 0; i < programs_.size(); ++i) {
      const Type left = family(programs_[i]->type());
      const Type right = type_of(request_.keys[i]);
      if (left == right || left == Type::kDyn || right == Type::kDyn) continue;
      complain("E0453", spans_[i],
               "a " + std::string(type_name(programs_[i]->type())) + " never equals a " +
                   std::string(type_name(right)),
               "cast the field before");
    }
  }

  Type type_of(std::string_view column) const {
    const int at = table_->find(column);
    return at < 0 ? Type::kDyn : table_->types[static_cast<size_t>(at)];
  }

  void read_fields() {
    if (!params_.has("take")) {
      for (const NamedColumn& c : table_->columns)
        if (std::find(request_.keys.begin(), request_.keys.end(), c.name) == request_.keys.end())
          fields_.push_back({c.name, c.name});
      return;
    }
    std::vector<std::string> known;
    for (const NamedColumn& c : table_->columns) known.push_back(c.name);
    for (const auto& [name, value] : params_.entries("take")) {
      if (table_->find(value->text) < 0) {
        const std::string likely = nearest(value->text, known);
        complain("E0458", value->span, "the table has no column '" + value->text + "'",
                 likely.empty() ? "" : "did you mean '" + likely + "'?");
        continue;
      }
      const auto same = [&, wanted = name->text](const LookupField& other) { return other.name == wanted; };
      if (std::any_of(fields_.begin(), fields_.end(), same))
        complain("E0405", name->span, "'" + name->text + "' is given twice");
      fields_.push_back({name->text, value->text});
    }
  }

  void add_fields() {
    names_.how = JoinHow::kLeft;
    names_.suffix = "_right";
    names_.left_fields = context_.input.names();
    for (const LookupField& field : fields_) {
      std::string name = field.name;
      while (context_.output.find(name) != nullptr) name += names_.suffix;
      // The record may have a field of that name too, of any type.
      context_.output.set(name, context_.input.open ? Type::kDyn : type_of(field.column));
    }
  }

  BuildContext& context_;
  const Params& params_;
  TableRequest request_;
  std::vector<Span> spans_;
  std::vector<std::unique_ptr<expr::Program>> programs_;
  std::vector<LookupField> fields_;
  JoinPlan names_;
  std::unique_ptr<TableFeed> feed_;
  LookupTablePtr table_;
  bool good_ = true;
};

}  // namespace

StepDescriptor lookup_step() {
  StepDescriptor step;
  step.verb = "lookup";
  step.summary = "each record with the row of a table that has its key";
  step.pandas = "merge(how='left') with a table";
  step.argument = {.name = "lookup",
                   .type = OptionType::kText,
                   .help = "a .csv, .json or .ndjson file, or sqlite:FILE",
                   .required = true};
  step.options = {{.name = "on",
                   .type = OptionType::kKeys,
                   .help = "what must be equal: a field, a list of them, or {field: column}; a null equals nothing",
                   .required = true},
                  {.name = "take",
                   .type = OptionType::kExpressions,
                   .help = "columns to add, or {new: column}; without it all but the keys"},
                  {.name = "refresh",
                   .type = OptionType::kDuration,
                   .help = "how often to look whether the table changed; without it, it is read once"},
                  {.name = "table", .type = OptionType::kText, .help = "of a SQLite file with several"},
                  {.name = "query", .type = OptionType::kText, .help = "a SELECT over a SQLite file, in place of a table"},
                  {.name = "max_rows",
                   .type = OptionType::kInteger,
                   .help = "most rows of the table; a longer one is an error",
                   .fallback = "1000000",
                   .least = 1}};
  step.example = "- lookup: devices.csv\n  on: device\n  take: [site, floor]\n  refresh: 1m";
  step.build = [](BuildContext& context) { return Builder(context).build(); };
  return step;
}

}  // namespace streamflow
