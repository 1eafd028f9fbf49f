#include "operators/window/window.h"

#include <algorithm>

#include "core/option_value.h"
#include "operators/aggregate/entries.h"
#include "operators/expression_option.h"
#include "operators/order/time_order.h"
#include "operators/window/record_window.h"
#include "operators/window/session_window.h"
#include "operators/window/state_window.h"
#include "operators/window/time_window.h"

namespace streamflow {
namespace {

constexpr Micros kDay = 86'400 * kMicrosPerSecond;

enum class WindowKind { kTime, kAll, kSession, kCount, kWhen };

std::string_view kind_words(WindowKind kind) {
  switch (kind) {
    case WindowKind::kTime:
      return "windows of time";
    case WindowKind::kAll:
      return "one window of all time";
    case WindowKind::kSession:
      return "sessions";
    case WindowKind::kCount:
      return "windows of a number of records";
    case WindowKind::kWhen:
      return "windows of a state";
  }
  return "";
}

// One window step while it is read.
class WindowReader {
 public:
  explicit WindowReader(BuildContext& context)
      : context_(context), params_(context.params), entries_(context, outside_, false) {}

  std::unique_ptr<Operator> read() {
    good_ = read_argument() && good_;
    if (good_) check_options();
    plan_.keys = KeyColumns::build(context_);
    if (!plan_.keys) return nullptr;
    read_empty();
    read_late();
    read_early();
    plan_.keys_max = static_cast<size_t>(params_.integer("max_keys"));
    start_output();
    entries_.read_written("select");
    good_ = good_ && entries_.good();
    Entries made = entries_.take();
    plan_.calls = std::move(made.calls);
    plan_.entries = std::move(made.entries);
    if (plan_.entries.empty() && good_) {
      problem("E0408", params_.verb_span, "a window needs something to compute",
              "add `mean: field`, `count: true` or `select: {name: expression}`");
    }
    if (!good_) return nullptr;
    finish_output();
    return make();
  }

 private:
  void problem(std::string code, const Span& span, std::string message, std::string label = {}) {
    context_.diagnostics.error(std::move(code), span, std::move(message), std::move(label));
    good_ = false;
  }
  bool fail(std::string code, const Span& span, std::string message, std::string label = {}) {
    problem(std::move(code), span, std::move(message), std::move(label));
    return false;
  }

  std::unique_ptr<Operator> make() {
    switch (kind_) {
      case WindowKind::kSession:
        return std::make_unique<SessionWindow>(std::move(plan_));
      case WindowKind::kCount:
        return in_order(params_, std::make_unique<RecordWindow>(std::move(plan_)));
      case WindowKind::kWhen:
        return in_order(params_, std::make_unique<StateWindow>(std::move(plan_)));
      default:
        return std::make_unique<TimeWindow>(std::move(plan_));
    }
  }

  // --- the argument ---

  bool read_argument() {
    const SpecValue* value = params_.value("window");
    if (value == nullptr || value->is_null()) return good_ = false;
    if (value->is_scalar()) {
      if (value->text == "all") {
        kind_ = WindowKind::kAll;
        plan_.grid = WindowGrid::all();
        return true;
      }
      return read_grid(*value);
    }
    if (value->is_map() && !value->entries.empty()) return read_kind(*value);
    return fail("E0411", value->span, "a window is a length, `all`, or one of its kinds",
                "60s, {session: 30s}, {count: 100} or {when: expression}");
  }

  bool read_kind(const SpecValue& map) {
    const auto& [key, value] = map.entries[0];
    const size_t most = key.text == "when" || key.text == "until" ? 2 : 1;
    for (const auto& [other, unused] : map.entries) {
      const bool known = other.text == "session" || other.text == "count" || other.text == "when" ||
                         other.text == "until";
      if (!known) {
        return fail("E0411", other.span, "there is no kind of window '" + other.text + "'",
                    "session, count, or when and until; options stand beside the verb");
      }
    }
    if (map.entries.size() > most) {
      return fail("E0411", map.entries[most].first.span, "a window is of one kind",
                  "options stand beside the verb, not under it");
    }
    if (key.text == "session") return read_session(value);
    if (key.text == "count") return read_count(value);
    return read_state(map);
  }

  bool read_session(const SpecValue& value) {
    kind_ = WindowKind::kSession;
    const auto gap = value.is_scalar() ? parse_duration(value.text) : std::nullopt;
    if (!gap || *gap <= 0 || *gap > kWindowSizeMax) {
      return fail("E0409", value.span, "the gap of a session is a duration, such as 30s");
    }
    plan_.gap = *gap;
    return true;
  }

  bool read_count(const SpecValue& value) {
    kind_ = WindowKind::kCount;
    const auto count = read_records(value);
    if (!count) return false;
    plan_.count = plan_.step = *count;
    if (const SpecValue* every = params_.value("every")) {
      const auto step = read_records(*every);
      if (!step) return false;
      plan_.step = *step;
    }
    const uint64_t runs = plan_.count / std::gcd(plan_.count, plan_.step);
    return runs <= static_cast<uint64_t>(kPanesPerWindowMax) ||
           fail("E0409", params_.span("every"),
                "windows that overlap like this share more than 100,000 pieces each",
                "choose a step that divides the count");
  }

  std::optional<uint64_t> read_records(const SpecValue& value) {
    const auto count = value.is_scalar() ? parse_integer(value.text) : std::nullopt;
    if (count && *count >= 1 && *count <= 1'000'000'000) return static_cast<uint64_t>(*count);
    problem("E0409", value.span, "a window of records takes a whole number of them, at least 1");
    return std::nullopt;
  }

  bool read_state(const SpecValue& map) {
    kind_ = WindowKind::kWhen;
    const SpecValue* when = map.find("when");
    const SpecValue* until = map.find("until");
    if (when == nullptr) {
      return fail("E0411", map.span, "a window of a state needs `when:`, what opens it");
    }
    plan_.when = compile_condition(*when);
    plan_.conditions = "when " + when->text;
    if (until != nullptr) plan_.conditions += "\nuntil " + until->text;
    if (until != nullptr) plan_.until = compile_condition(*until);
    return plan_.when != nullptr && (until == nullptr || plan_.until != nullptr);
  }

  std::unique_ptr<expr::Program> compile_condition(const SpecValue& value) {
    if (!value.is_scalar()) {
      problem("E0411", value.span, "a condition belongs here, such as 'running' or 'load > 0'");
      return nullptr;
    }
    return compile_condition_option(context_, value, context_.input);
  }

  // --- windows of time ---

  bool read_grid(const SpecValue& value) {
    const auto size = read_length(value);
    if (!size) return false;
    Length every = *size;
    if (const SpecValue* step = params_.value("every")) {
      const auto length = read_length(*step);
      if (!length) return false;
      every = *length;
    }
    const bool months = size->months != 0 || every.months != 0;
    if (months || params_.has("timezone")) return read_calendar(*size, every);
    plan_.grid = WindowGrid(size->time, every.time, params_.duration("offset") % every.time);
    return check_pieces(size->time / std::gcd(size->time, every.time));
  }

  std::optional<Length> read_length(const SpecValue& value) {
    const auto length = value.is_scalar() ? parse_length(value.text) : std::nullopt;
    if (!length) {
      problem("E0409", value.span, "windows of time start after a length of time, such as 10s");
      return std::nullopt;
    }
    if (length->months != 0 || (length->time > 0 && length->time <= kWindowSizeMax)) return length;
    problem("E0409", value.span,
            length->time <= 0 ? "a window's length must be more than nothing" : "that is too long");
    return std::nullopt;
  }

  bool check_pieces(int64_t pieces) {
    return pieces <= kPanesPerWindowMax ||
           fail("E0409", params_.span("every"),
                "windows that overlap like this share more than 100,000 pieces each",
                "choose a step that divides the size");
  }

  bool read_calendar(const Length& size, const Length& every) {
    const std::string name = params_.has("timezone") ? params_.text("timezone") : "UTC";
    auto zone = expr::TimeZone::find(name);
    if (!zone) {
      return fail("E0409", params_.span("timezone"), "there is no time zone '" + name + "'",
                  "such as Europe/Paris, UTC, +05:30");
    }
    const Micros offset = params_.duration("offset");
    const auto make = [&](Calendar::Unit unit, int64_t cut, int64_t cuts, int64_t every_cuts,
                          Micros nominal) {
      auto calendar = std::make_shared<Calendar>(unit, cut, offset, std::move(zone));
      plan_.grid = WindowGrid(std::move(calendar), cuts, every_cuts, nominal);
      return check_pieces(cuts);
    };
    if (size.months != 0 && every.months != 0) {
      const int64_t cut = std::gcd(size.months, every.months);
      return make(Calendar::Unit::kMonths, cut, size.months / cut, every.months / cut,
                  size.months * 30 * kDay);
    }
    if (size.months != 0 || every.months != 0) {
      return fail("E0409", params_.span("every"), "months and days have no common measure");
    }
    if (size.time % kDay == 0 && every.time % kDay == 0) {
      // Days are cut one by one where a cut of several would not begin where windows do.
      const int64_t days = size.time / kDay, step = every.time / kDay;
      const int64_t cut = std::gcd(days, step);
      return make(Calendar::Unit::kDays, cut, days / cut, step / cut, size.time);
    }
    if (size.time == every.time && kDay % size.time == 0 && size.time >= kMicrosPerSecond) {
      return make(Calendar::Unit::kDayPart, size.time, 1, 1, size.time);
    }
    return fail("E0409", params_.span("timezone"),
                "with a time zone, windows are whole days, or do not overlap and divide the day",
                "such as 1h, 6h, 1d, 1w, 1mo");
  }

  // --- options ---

  void check_options() {
    const bool time = kind_ == WindowKind::kTime, all = kind_ == WindowKind::kAll;
    const auto only = [this](std::string_view option, bool fits) {
      if (fits || !params_.has(option)) return;
      problem("E0411", params_.span(option),
              std::string(kind_words(kind_)) + " have no option '" + std::string(option) + "'");
    };
    only("every", time || kind_ == WindowKind::kCount);
    only("offset", time);
    only("timezone", time);
    only("empty", time);
    only("max_empty", time);
    only("early", time || all);
    only("keep", time);
    only("late", time || kind_ == WindowKind::kSession);
    only("order", kind_ == WindowKind::kCount || kind_ == WindowKind::kWhen);
  }

  void read_empty() {
    const std::string choice = params_.choice("empty");
    if (choice == "zero") plan_.empty = EmptyWindows::kZero;
    if (choice == "null") plan_.empty = EmptyWindows::kNull;
    if (choice == "previous") plan_.empty = EmptyWindows::kPrevious;
    plan_.empty_max = static_cast<uint64_t>(params_.integer("max_empty"));
  }

  void read_late() {
    const std::string choice = params_.choice("late");
    if (choice == "drop") plan_.late = LateRecords::kDrop;
    if (choice == "revise") plan_.late = LateRecords::kRevise;
    if (choice == "revise" && kind_ == WindowKind::kSession) {
      problem("E0411", params_.span("late"), "sessions cannot be revised", "side or drop");
    }
    if (plan_.late == LateRecords::kRevise && !params_.has("keep")) {
      problem("E0411", params_.span("late"), "`late: revise` needs `keep:`",
              "how long closed windows stay, such as 10m");
    }
    if (plan_.late != LateRecords::kRevise && params_.has("keep")) {
      problem("E0411", params_.span("keep"), "`keep:` is for `late: revise`");
    }
    plan_.keep = std::min(params_.duration("keep"), kWindowSizeMax);
  }

  void read_early() {
    const SpecValue* value = params_.value("early");
    if (value == nullptr) return;
    const SpecValue* every = value->is_map() ? value->find("every") : value;
    const SpecValue* emit = value->is_map() ? value->find("emit") : nullptr;
    const auto length =
        every != nullptr && every->is_scalar() ? parse_duration(every->text) : std::nullopt;
    if (!length || *length <= 0) {
      return problem("E0412", value->span, "`early:` takes how often results are sent",
                     "{every: 1s, emit: true}");
    }
    if (emit == nullptr || parse_flag(emit->text) != true) {
      return problem("E0412", value->span,
                     "early results for charts alone are not available in this version",
                     "{every: " + every->text + ", emit: true} sends them on, marked `early`");
    }
    plan_.early = *length;
  }

  // --- output ---

  void start_output() {
    outside_.open = false;
    for (const char* name : {"window_start", "window_end", "partial", "revision", "early"}) {
      entries_.reserve(name, "is a field of every window");
    }
    for (const KeyPart& part : plan_.keys->parts()) {
      for (const char* name : {"window_start", "window_end", "partial", "revision", "early"}) {
        if (part.name != name) continue;
        problem("E0405", params_.span("by"), "'" + part.name + "' is a field of every window");
      }
      outside_.set(part.name, part.type);
    }
    outside_.set("window_start", Type::kTimestamp);
    outside_.set("window_end", Type::kTimestamp);
  }

  void finish_output() {
    Schema& output = context_.output;
    output = outside_;
    output.set("partial", Type::kBool);
    if (plan_.late == LateRecords::kRevise) output.set("revision", Type::kInt);
    if (plan_.early != 0) output.set("early", Type::kBool);
    output.keys = plan_.keys->names();
    output.window_us = plan_.grid.size();
  }

  BuildContext& context_;
  const Params& params_;
  WindowKind kind_ = WindowKind::kTime;
  WindowPlan plan_;
  Schema outside_;  // what may stand outside aggregates: keys, bounds, entries above
  EntryReader entries_;
  bool good_ = true;
};

std::unique_ptr<Operator> build(BuildContext& context) { return WindowReader(context).read(); }

OptionDescriptor choice(std::string name, std::string help, std::vector<std::string> choices) {
  OptionDescriptor option{std::move(name), OptionType::kChoice, std::move(help)};
  option.fallback = choices.front();
  option.choices = std::move(choices);
  return option;
}

std::vector<OptionDescriptor> options() {
  std::vector<OptionDescriptor> list = {
      {"every", OptionType::kLength,
       "start a window this often (a duration; of `count` a number of records): hopping windows"},
      KeyColumns::option(),
      {"select", OptionType::kExpressions, "names and expressions over aggregates"},
      choice("empty", "what is sent of a key's windows without records",
             {"skip", "zero", "null", "previous"}),
      {"max_empty", OptionType::kInteger, "most empty windows in a row", "10000"},
      {"offset", OptionType::kDuration, "move the starts of windows by this"},
      {"timezone", OptionType::kText,
       "days, weeks (from Mondays), months and parts of days by this zone's calendar"},
      choice("late", "records of closed windows: to NAME.late, dropped, or into results sent again",
             {"side", "drop", "revise"}),
      {"keep", OptionType::kDuration, "how long closed windows can be revised"},
      {"early", OptionType::kAny,
       "{every: 1s, emit: true}: send unfinished results, marked `early`, as event time passes"},
      order_option(),
      KeyColumns::max_option(),
      max_values_option(),
  };
  list[0].least = 1;
  list[4].least = 1;
  for (OptionDescriptor& option : short_form_options()) list.push_back(std::move(option));
  return list;
}

}  // namespace

StepDescriptor window_step() {
  StepDescriptor step;
  step.verb = "window";
  step.summary = "aggregates over windows of time, sessions, numbers of records or states, per key";
  step.pandas = "resample().agg, groupby";
  step.argument = {"window", OptionType::kLength,
                   "a length (60s, 1d, 1mo), all, {session: 30s}, {count: 100}, or {when: "
                   "expression, until: expression}"};
  step.argument.choices = {"all"};
  step.argument.required = true;
  step.options = options();
  step.example =
      "- window: 60s\n"
      "  by: device\n"
      "  mean: temperature\n"
      "  select:\n"
      "    spread: max(temperature) - min(temperature)";
  step.build = build;
  return step;
}

}  // namespace streamflow
