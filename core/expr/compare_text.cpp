// Kernels that test strings against a constant, and membership in constant lists.
#include <re2/re2.h>

#include <algorithm>

#include "core/expr/bytes.h"
#include "core/expr/columns.h"
#include "core/expr/kernels.h"
#include "core/expr/regex.h"
#include "core/expr/search.h"

namespace streamflow::expr {
namespace {

template <TextTest test>
bool text_passes(std::string_view text, std::string_view with) {
  const size_t n = with.size();
  if constexpr (test == TextTest::kContains) return find_text(text, with) != std::string_view::npos;
  if constexpr (test == TextTest::kStartsWith)
    return text.size() >= n && same_bytes(text.data(), with.data(), n);
  if constexpr (test == TextTest::kEndsWith)
    return text.size() >= n && same_bytes(text.data() + text.size() - n, with.data(), n);
  const bool same = text.size() == n && same_bytes(text.data(), with.data(), n);
  return same == (test == TextTest::kEqual);
}

// Cells that are no strings go to the scalar evaluator: rare, and it has the right message.
template <TextTest test>
class CompareText final : public Test {
 public:
  CompareText(const Node& node, std::unique_ptr<Vector> operand, std::string_view with)
      : node_(node), operand_(std::move(operand)), with_(with) {}

  size_t run(Run& run, Rows rows, uint32_t* passed, std::vector<RowError>& errors) const override {
    const Lease lease(run);
    const Cells cells = operand_->run(run, rows, *lease);
    size_t count = 0;
    for (const uint32_t row : rows) {
      const bool pass = cells.kinds[row] == Kind::kString
                            ? text_passes<test>(cells.texts[row], with_)
                            : scalar_passes(run, node_, row, errors);
      passed[count] = row;
      count += pass ? 1 : 0;
    }
    return count;
  }

 private:
  const Node& node_;
  std::unique_ptr<Vector> operand_;
  std::string_view with_;
};

class MatchText final : public Test {
 public:
  MatchText(const Node& node, std::unique_ptr<Vector> operand)
      : node_(node), operand_(std::move(operand)) {}

  size_t run(Run& run, Rows rows, uint32_t* passed, std::vector<RowError>& errors) const override {
    const Lease lease(run);
    const Cells cells = operand_->run(run, rows, *lease);
    size_t count = 0;
    for (const uint32_t row : rows) {
      const bool pass = cells.kinds[row] == Kind::kString ? matches(cells.texts[row])
                                                          : scalar_passes(run, node_, row, errors);
      passed[count] = row;
      count += pass ? 1 : 0;
    }
    return count;
  }

 private:
  bool matches(std::string_view text) const {
    return node_.pattern->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
  }

  const Node& node_;
  std::unique_ptr<Vector> operand_;
};

class InConstants final : public Test {
 public:
  InConstants(const Node& node, std::unique_ptr<Vector> operand)
      : node_(node), operand_(std::move(operand)) {}

  size_t run(Run& run, Rows rows, uint32_t* passed, std::vector<RowError>& errors) const override {
    const Lease lease(run);
    const Cells cells = operand_->run(run, rows, *lease);
    size_t count = 0;
    for (const uint32_t row : rows) {
      const Kind kind = cells.kinds[row];
      bool pass = false;
      if (kind == Kind::kString)
        pass = contains(*node_.members, kind, 0, cells.texts[row]);
      else if (is_number(kind))
        pass = contains(*node_.members, kind, cells.words[row], {});
      else
        pass = scalar_passes(run, node_, row, errors);
      passed[count] = row;
      count += pass ? 1 : 0;
    }
    return count;
  }

 private:
  const Node& node_;
  std::unique_ptr<Vector> operand_;
};

// In a few strings of at most 7 bytes, each one word: all are compared, without a branch.
class InShortTexts final : public Test {
 public:
  static constexpr size_t kTextsMax = 8, kBytesMax = 7;

  InShortTexts(const Node& node, std::unique_ptr<Vector> operand)
      : node_(node), operand_(std::move(operand)) {
    for (const Value& item : node.children[1]->value.items()) words_[count_++] = pack(item.text());
    for (size_t i = count_; i < kTextsMax; ++i) words_[i] = words_[0];
  }
  static bool suits(const Node& list) {
    const auto& items = list.value.items();
    return !items.empty() && items.size() <= kTextsMax &&
           std::all_of(items.begin(), items.end(), [](const Value& item) {
             return item.is(Kind::kString) && item.text().size() <= kBytesMax;
           });
  }

  size_t run(Run& run, Rows rows, uint32_t* passed, std::vector<RowError>& errors) const override {
    const Lease lease(run);
    const Cells cells = operand_->run(run, rows, *lease);
    size_t count = 0;
    for (const uint32_t row : rows) {
      bool pass = false;
      if (cells.kinds[row] == Kind::kString) [[likely]]
        pass = is_known(cells.texts[row]);
      else
        pass = scalar_passes(run, node_, row, errors);
      passed[count] = row;
      count += pass ? 1 : 0;
    }
    return count;
  }

 private:
  static uint64_t pack(std::string_view text) {
    return text.empty() ? 0 : pack_short(text.data(), text.size());
  }
  bool is_known(std::string_view text) const {
    if (text.size() > kBytesMax) return false;
    const uint64_t word = pack(text);
    bool found = false;
    if (count_ <= 4) {
      for (size_t i = 0; i < 4; ++i) found |= words_[i] == word;
    } else {
      for (size_t i = 0; i < kTextsMax; ++i) found |= words_[i] == word;
    }
    return found;
  }

  const Node& node_;
  std::unique_ptr<Vector> operand_;
  uint64_t words_[kTextsMax] = {};
  size_t count_ = 0;
};

}  // namespace

std::unique_ptr<Test> make_text_test(TextTest test, const Node& node,
                                     std::unique_ptr<Vector> operand, std::string_view with) {
  switch (test) {
    case TextTest::kEqual:
      return std::make_unique<CompareText<TextTest::kEqual>>(node, std::move(operand), with);
    case TextTest::kNotEqual:
      return std::make_unique<CompareText<TextTest::kNotEqual>>(node, std::move(operand), with);
    case TextTest::kStartsWith:
      return std::make_unique<CompareText<TextTest::kStartsWith>>(node, std::move(operand), with);
    case TextTest::kEndsWith:
      return std::make_unique<CompareText<TextTest::kEndsWith>>(node, std::move(operand), with);
    case TextTest::kContains:
      break;
  }
  return std::make_unique<CompareText<TextTest::kContains>>(node, std::move(operand), with);
}

std::unique_ptr<Test> make_call_test(const Tree& tree, const Node& node) {
  if (node.macro != Macro::kNone || node.children.size() != 2 ||
      !node.children[1]->value.is(Kind::kString) || !node.children[1]->is_literal())
    return nullptr;
  static constexpr std::pair<std::string_view, TextTest> kTests[] = {
      {"startsWith", TextTest::kStartsWith},
      {"endsWith", TextTest::kEndsWith},
      {"contains", TextTest::kContains}};
  const std::string_view with = node.children[1]->value.text();
  std::unique_ptr<Vector> operand = make_vector(tree, *node.children[0]);
  if (!operand) return nullptr;
  if (node.name == "matches" && node.pattern)
    return std::make_unique<MatchText>(node, std::move(operand));
  for (const auto& [name, test] : kTests)
    if (node.receiver && node.name == name)
      return make_text_test(test, node, std::move(operand), with);
  return nullptr;
}

std::unique_ptr<Test> make_membership(const Tree& tree, const Node& node) {
  if (!node.members) return nullptr;
  std::unique_ptr<Vector> operand = make_vector(tree, *node.children[0]);
  if (!operand) return nullptr;
  if (InShortTexts::suits(*node.children[1]))
    return std::make_unique<InShortTexts>(node, std::move(operand));
  return std::make_unique<InConstants>(node, std::move(operand));
}

}  // namespace streamflow::expr
