// The options that name aggregates, read and checked: `select`, `derive`, short forms.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry.h"
#include "operators/aggregate/calls.h"

namespace streamflow {

struct Entries {
  std::vector<CallPlan> calls;
  std::vector<EntryPlan> entries;
};

class EntryReader {
 public:
  // What may stand outside aggregates: `outside`, which gets each entry's field in turn.  With
  // `over_records` that is the record itself, whose fields entries may replace.
  EntryReader(BuildContext& context, Schema& outside, bool over_records)
      : context_(context), outside_(outside), over_records_(over_records) {}

  // A name that no entry may have.
  void reserve(std::string name, std::string why);
  // {name: expression}, or a list of such maps.
  void read_map(std::string_view option);
  // `mean: temperature`, `count: true`; in the order in which they were written, with `select`
  // between them.
  void read_written(std::string_view map_option);

  bool good() const { return good_; }
  Entries take() { return std::move(made_); }

 private:
  void problem(std::string code, const Span& span, std::string message, std::string label = {});
  void check_name(const std::string& name, const Span& span);
  void read_short(const AggregateKind& kind, const SpecValue& value);
  void add_entry(const std::string& name, const Span& name_span, const std::string& text,
                 std::unique_ptr<expr::AggregateProgram> program);
  void add_call(expr::AggregateCall& call, const std::string& text);

  BuildContext& context_;
  Schema& outside_;
  bool over_records_;
  std::vector<std::pair<std::string, std::string>> reserved_;
  std::set<std::string> names_;
  Entries made_;
  bool good_ = true;
};

// `max_values`: of aggregates that keep all values of a group.
OptionDescriptor max_values_option();
// The short forms, as options.
std::vector<OptionDescriptor> short_form_options();

}  // namespace streamflow
