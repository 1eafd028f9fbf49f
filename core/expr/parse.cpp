#include "core/expr/parse.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/expr/foreign.h"
#include "core/expr/lex.h"

namespace streamflow::expr {
namespace {

constexpr std::array<std::string_view, 17> kReserved = {
    "as",  "break", "const",   "continue",  "else",   "for", "function", "if",   "import",
    "let", "loop",  "package", "namespace", "return", "var", "void",     "while"};

bool is_reserved(std::string_view name) {
  return std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end();
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

// Binary operators by level, loosest first: 1 relations, 2 sums, 3 products.
struct Infix {
  Op op;
  int level;
};
std::optional<Infix> infix(const Token& token) {
  if (token.is_name("in")) return Infix{Op::kIn, 1};
  if (token.kind != TokenKind::kSign) return {};
  static constexpr std::array<std::pair<std::string_view, Infix>, 11> kTable = {{
      {"==", {Op::kEqual, 1}},
      {"!=", {Op::kNotEqual, 1}},
      {"<", {Op::kLess, 1}},
      {"<=", {Op::kLessEqual, 1}},
      {">", {Op::kGreater, 1}},
      {">=", {Op::kGreaterEqual, 1}},
      {"+", {Op::kAdd, 2}},
      {"-", {Op::kSubtract, 2}},
      {"*", {Op::kMultiply, 3}},
      {"/", {Op::kDivide, 3}},
      {"%", {Op::kRemainder, 3}},
  }};
  for (const auto& [text, found] : kTable)
    if (token.text == text) return found;
  return {};
}

class Parser {
 public:
  Parser(std::string_view text, std::vector<Problem>& problems)
      : text_(text), problems_(problems), tokens_(lex(text, problems)) {}

  NodePtr run() {
    if (peek().kind == TokenKind::kEnd && problems_.empty()) {
      error(0, text_.size(), "an expression is missing here");
      return nullptr;
    }
    NodePtr node = expression();
    if (node && !stopped_ && peek().kind != TokenKind::kEnd) unexpected_tail();
    return node;
  }

 private:
  // --- tokens ---
  const Token& peek(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  const Token& take() {
    const Token& token = peek();
    last_end_ = token.end;
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool take_sign(std::string_view sign) {
    if (!peek().is(sign)) return false;
    take();
    return true;
  }

  void error(size_t begin, size_t end, std::string message, std::string label = {},
             std::string code = "E0300") {
    if (stopped_) return;
    problems_.push_back({false, std::move(code), begin, end, std::move(message), std::move(label)});
  }
  // After this nothing more is said: what follows would be noise.
  NodePtr stop(size_t begin, size_t end, std::string message, std::string label = {},
               std::string code = "E0300") {
    error(begin, end, std::move(message), std::move(label), std::move(code));
    stopped_ = true;
    return nullptr;
  }
  NodePtr stop_at(const Token& token, std::string message, std::string label = {},
                  std::string code = "E0300") {
    if (token.kind == TokenKind::kBad) {  // has its own problem
      stopped_ = true;
      return nullptr;
    }
    const size_t begin = std::min<size_t>(token.begin, text_.size());
    return stop(begin, std::max<size_t>(token.end, begin), std::move(message), std::move(label),
                std::move(code));
  }
  static std::string shown(const Token& token) {
    if (token.kind == TokenKind::kEnd) return "the end";
    return "'" + std::string(token.text.substr(0, 40)) + "'";
  }

  bool expect(std::string_view sign, const Token& opened) {
    if (take_sign(sign)) return true;
    if (stopped_) return false;
    const Token& token = peek();
    if (token.kind == TokenKind::kEnd)
      stop(opened.begin, opened.end, "'" + std::string(opened.text) + "' is not closed",
           "write " + std::string(sign));
    else if (!say_hint(token))
      stop_at(token, "expected '" + std::string(sign) + "' before " + shown(token));
    return false;
  }

  // --- nodes ---
  NodePtr make(NodeKind kind, uint32_t begin, std::vector<NodePtr> children) {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->begin = begin;
    node->end = last_end_;
    for (const NodePtr& child : children) {
      if (!child) return nullptr;
      node->depth = std::max(node->depth, child->depth + 1);
    }
    node->children = std::move(children);
    if (node->depth > kTreeDepthMax || ++nodes_ > kNodesMax)
      return stop(begin, last_end_, "the expression is too long or nested too deeply", {}, "E0311");
    return node;
  }
  template <class... Nodes>
  static std::vector<NodePtr> list(Nodes... nodes) {
    std::vector<NodePtr> out;
    (out.push_back(std::move(nodes)), ...);
    return out;
  }
  static void name_place(Node& node, const Token& token) {
    node.name_begin = token.begin;
    node.name_end = token.end;
  }

  // Counts what is inside one another, for as long as it lives.
  class Nested {
   public:
    explicit Nested(Parser& parser) : parser_(parser) { ++parser_.nesting_; }
    ~Nested() { --parser_.nesting_; }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;
    bool too_deep() const { return parser_.nesting_ > kNestingMax; }

   private:
    Parser& parser_;
  };

  // --- grammar ---
  NodePtr expression() {
    const Nested nested(*this);
    if (nested.too_deep())
      return stop_at(peek(), "nested more than " + std::to_string(kNestingMax) + " deep", {},
                     "E0311");
    const uint32_t begin = peek().begin;
    NodePtr condition = either();
    if (!condition || !peek().is("?")) return condition;
    const Token question = take();
    NodePtr yes = either();
    if (!yes || !expect(":", question)) return nullptr;
    NodePtr no = expression();
    NodePtr node = make(NodeKind::kConditional, begin,
                        list(std::move(condition), std::move(yes), std::move(no)));
    if (node) name_place(*node, question);
    return node;
  }

  NodePtr either() { return chain(NodeKind::kOr, "||", "or", &Parser::both); }
  NodePtr both() { return chain(NodeKind::kAnd, "&&", "and", &Parser::relation); }
  NodePtr relation() { return infix_level(1); }

  // a && b && c is one node; a parenthesised part stays its own.
  NodePtr chain(NodeKind kind, std::string_view sign, std::string_view word,
                NodePtr (Parser::*operand)()) {
    const uint32_t begin = peek().begin;
    const auto goes_on = [&] { return peek().is(sign) || is_word(word); };
    NodePtr first = (this->*operand)();
    if (!first || !goes_on()) return first;
    std::vector<NodePtr> parts = list(std::move(first));
    while (goes_on()) {
      const Token token = take();
      if (token.kind == TokenKind::kName)
        error(token.begin, token.end, "'" + std::string(token.text) + "' is no operator",
              "write " + std::string(sign), "E0313");
      parts.push_back((this->*operand)());
      if (!parts.back()) return nullptr;
    }
    return make(kind, begin, std::move(parts));
  }

  // `and`, `AND`: a name can never stand here.
  bool is_word(std::string_view word) const {
    return peek().kind == TokenKind::kName && lower(peek().text) == word;
  }

  NodePtr infix_level(int level) {
    if (level > 3) return unary();
    const uint32_t begin = peek().begin;
    NodePtr left = infix_level(level + 1);
    while (left) {
      const Token token = peek();
      std::optional<Infix> found = infix(token);
      if (!found && level == 1)
        found = take_foreign_relation();
      else if (found && found->level == level)
        take();
      if (!found || found->level != level) break;
      NodePtr right = infix_level(level + 1);
      left = make(NodeKind::kBinary, begin, list(std::move(left), std::move(right)));
      if (!left) return nullptr;
      left->op = found->op;
      name_place(*left, token);
    }
    return left;
  }

  // Relations as other languages write them: reported, then read as CEL's.
  std::optional<Infix> take_foreign_relation() {
    const Token token = peek();
    if (token.kind == TokenKind::kBad && token.text == "=") {  // reported by the lexer
      take();
      return Infix{Op::kEqual, 1};
    }
    if (token.kind != TokenKind::kSign && token.kind != TokenKind::kName) return {};
    const auto found = foreign_relation(lower(token.text), lower(peek(1).text));
    if (!found) return {};
    for (int i = 0; i < found->words; ++i) take();
    const bool sign = token.kind == TokenKind::kSign;
    const std::string written(sign || found->words > 1 ? found->written : token.text);
    error(token.begin, last_end_, "'" + written + "' is no operator",
          "write " + std::string(found->write), "E0313");
    return Infix{found->op, 1};
  }

  NodePtr unary() {
    const Token token = peek();
    if (is_word("not") && begins_operand(peek(1)) && !peek(1).is("-") && !peek(1).is("[")) {
      take();
      error(token.begin, token.end, "'" + std::string(token.text) + "' is no operator", "write !",
            "E0313");
      return prefix(Op::kNot, token);
    }
    if (token.is("!")) {
      take();
      return prefix(Op::kNot, token);
    }
    if (!token.is("-")) {
      if (token.is("+")) return stop_at(token, "a number has no sign +", "leave it out");
      return member();
    }
    take();
    if (peek().kind == TokenKind::kInt && !continues_member(peek(1))) return negative(token);
    return prefix(Op::kNegate, token);
  }

  static bool begins_operand(const Token& token) {
    return token.kind == TokenKind::kInt || token.kind == TokenKind::kLiteral ||
           (token.kind == TokenKind::kName && token.text != "in") || token.is("(") ||
           token.is("[") || token.is("!") || token.is("-") || token.is("{");
  }
  static bool continues_member(const Token& token) { return token.is(".") || token.is("["); }

  // -9223372036854775808 is a literal though 9223372036854775808 is none.
  NodePtr negative(const Token& sign) {
    const Token number = take();
    return literal(Value::integer(static_cast<int64_t>(0 - number.value.as_uint())), sign.begin);
  }

  NodePtr prefix(Op op, const Token& token) {
    const Nested nested(*this);
    if (nested.too_deep())
      return stop_at(token, "nested more than " + std::to_string(kNestingMax) + " deep", {},
                     "E0311");
    NodePtr node = make(NodeKind::kUnary, token.begin, list(unary()));
    if (!node) return nullptr;
    node->op = op;
    name_place(*node, token);
    return node;
  }

  NodePtr literal(Value value, uint32_t begin) {
    NodePtr node = make(NodeKind::kLiteral, begin, {});
    if (node) node->value = std::move(value);
    return node;
  }

  NodePtr member() {
    const uint32_t begin = peek().begin;
    NodePtr node = primary();
    while (node) {
      if (peek().is("."))
        node = selection(std::move(node), begin);
      else if (peek().is("["))
        node = index(std::move(node), begin);
      else if (peek().is("{") && is_path(*node))
        return stop_at(peek(), "messages are not part of the language",
                       "a map is written {'name': value}");
      else
        break;
    }
    return node;
  }

  static bool is_path(const Node& node) {
    return node.kind == NodeKind::kName ||
           (node.kind == NodeKind::kSelect && is_path(*node.children[0]));
  }

  NodePtr selection(NodePtr operand, uint32_t begin) {
    take();
    const bool optional = take_sign("?");
    const Token token = peek();
    if (token.kind != TokenKind::kName && token.kind != TokenKind::kQuoted)
      return stop_at(token, "expected a name after '.'",
                     token.kind == TokenKind::kInt ? "list elements are written list[0]" : "");
    if (token.kind == TokenKind::kName && is_keyword(token.text))
      return stop_at(token, "'" + std::string(token.text) + "' is a keyword",
                     "write ['" + std::string(token.text) + "']", "E0312");
    take();
    if (!optional && token.kind == TokenKind::kName && peek().is("("))
      return call(token, std::move(operand), begin, false);
    NodePtr node = make(NodeKind::kSelect, begin, list(std::move(operand)));
    if (!node) return nullptr;
    node->name = token.text;
    node->optional = optional;
    name_place(*node, token);
    return node;
  }

  NodePtr index(NodePtr operand, uint32_t begin) {
    const Token opened = take();
    const bool optional = take_sign("?");
    if (peek().is(":")) return stop_at(peek(), "no slices with ':'", "write list.slice(from, to)");
    NodePtr place = expression();
    if (!place) return nullptr;
    if (peek().is(":")) return stop_at(peek(), "no slices with ':'", "write list.slice(from, to)");
    if (!expect("]", opened)) return nullptr;
    NodePtr node = make(NodeKind::kIndex, begin, list(std::move(operand), std::move(place)));
    if (!node) return nullptr;
    node->optional = optional;
    name_place(*node, opened);
    return node;
  }

  NodePtr call(const Token& name, NodePtr receiver, uint32_t begin, bool rooted) {
    const Token opened = take();
    std::vector<NodePtr> children;
    const bool has_receiver = receiver != nullptr;
    if (has_receiver) children.push_back(std::move(receiver));
    while (!peek().is(")")) {
      NodePtr argument = expression();
      if (!argument) return nullptr;
      children.push_back(std::move(argument));
      if (!take_sign(",")) break;
      if (peek().is(")")) return stop_at(peek(), "an argument is missing after ','");
    }
    if (!expect(")", opened)) return nullptr;
    NodePtr node = make(NodeKind::kCall, begin, std::move(children));
    if (!node) return nullptr;
    node->name = name.text;
    node->receiver = has_receiver;
    node->rooted = rooted;
    name_place(*node, name);
    return node;
  }

  NodePtr primary() {
    const Token token = peek();
    switch (token.kind) {
      case TokenKind::kInt:
        take();
        if (token.value.as_uint() > uint64_t{INT64_MAX})
          return stop(token.begin, token.end, "int literal out of range",
                      "at most 9223372036854775807; write it with .0 for a double", "E0310");
        return literal(Value::integer(token.value.as_int()), token.begin);
      case TokenKind::kLiteral:
        return string_or_number();
      case TokenKind::kName:
        return name(token, false, token.begin);
      default:
        break;
    }
    if (token.is("(")) return parentheses();
    if (token.is("[")) return list_literal();
    if (token.is("{")) return map_literal();
    if (token.is(".") && peek(1).kind == TokenKind::kName) {
      take();
      return name(peek(), true, token.begin);
    }
    if (token.kind == TokenKind::kQuoted)
      return stop_at(token, "a name in back-quotes stands after '.'",
                     "write record.`" + std::string(token.text) + "`");
    return no_operand(token);
  }

  NodePtr string_or_number() {
    const Token token = take();
    if (peek().kind == TokenKind::kLiteral && peek().value.is(Kind::kString) &&
        token.value.is(Kind::kString))
      return stop_at(peek(), "two strings in a row", "join them with +");
    return literal(token.value, token.begin);
  }

  NodePtr no_operand(const Token& token) {
    if (token.kind == TokenKind::kEnd)
      return stop(token.begin, token.end, "the expression ends too early",
                  "an operand is missing here");
    if (token.is("**")) return stop_at(token, "'**' is no operator", "write x * x", "E0313");
    return stop_at(token, "expected an operand, found " + shown(token));
  }

  NodePtr name(const Token token, bool rooted, uint32_t begin) {
    if (!rooted && is_keyword(token.text)) return keyword(token);
    if (NodePtr foreign = take_foreign_literal(token)) return foreign;
    // `var(x)` is an aggregate; the word alone stays reserved, as in CEL.
    const bool variance = token.text == "var" && peek(1).is("(");
    if (is_keyword(token.text) || (is_reserved(token.text) && !variance)) {
      const bool conditional = token.text == "if" || token.text == "else";
      return stop_at(token, "'" + std::string(token.text) + "' is a reserved word",
                     conditional ? "write condition ? a : b"
                                 : "a field of this name is record." + std::string(token.text),
                     "E0312");
    }
    take();
    if (peek().is("(")) return call(token, nullptr, begin, rooted);
    NodePtr node = make(NodeKind::kName, begin, {});
    if (!node) return nullptr;
    node->name = token.text;
    node->rooted = rooted;
    name_place(*node, token);
    return node;
  }

  NodePtr keyword(const Token& token) {
    if (token.text == "in") return no_operand(token);
    take();
    if (token.text == "null") return literal(Value::null(), token.begin);
    return literal(Value::boolean(token.text == "true"), token.begin);
  }

  // None, True, NULL…: only in a spelling that no field is likely to have.
  NodePtr take_foreign_literal(const Token& token) {
    const std::string_view write = foreign_literal(token.text);
    if (write.empty() || peek(1).is("(")) return nullptr;
    take();
    error(token.begin, token.end, "'" + std::string(token.text) + "' is unknown",
          "write " + std::string(write), "E0313");
    return literal(write == "null" ? Value::null() : Value::boolean(write == "true"), token.begin);
  }

  NodePtr parentheses() {
    const Token opened = take();
    NodePtr node = expression();
    if (!node || !expect(")", opened)) return nullptr;
    return node;
  }

  // [,] and {,} are in the grammar.
  bool items_are_none(std::string_view closing) const {
    return peek().is(",") && peek(1).is(closing);
  }

  NodePtr list_literal() {
    const Token opened = take();
    std::vector<NodePtr> items;
    std::vector<bool> marked;
    if (items_are_none("]")) take();
    while (!peek().is("]")) {
      marked.push_back(take_sign("?"));
      NodePtr item = expression();
      if (!item) return nullptr;
      items.push_back(std::move(item));
      if (!take_sign(",")) break;
    }
    if (!expect("]", opened)) return nullptr;
    NodePtr node = make(NodeKind::kList, opened.begin, std::move(items));
    if (node && std::count(marked.begin(), marked.end(), true) > 0)
      node->marked = std::move(marked);
    return node;
  }

  NodePtr map_literal() {
    const Token opened = take();
    std::vector<NodePtr> items;
    std::vector<bool> marked;
    if (items_are_none("}")) take();
    while (!peek().is("}")) {
      marked.push_back(take_sign("?"));
      NodePtr key = expression();
      if (!key) return nullptr;
      if (!peek().is(":"))
        return stop_at(peek(), "expected ':' after a map's key", "maps are written {'key': value}");
      take();
      NodePtr value = expression();
      if (!value) return nullptr;
      items.push_back(std::move(key));
      items.push_back(std::move(value));
      if (!take_sign(",")) break;
    }
    if (!expect("}", opened)) return nullptr;
    NodePtr node = make(NodeKind::kMap, opened.begin, std::move(items));
    if (node && std::count(marked.begin(), marked.end(), true) > 0)
      node->marked = std::move(marked);
    return node;
  }

  // --- what stands where an operator should ---

  // Words and signs of other languages; true if one was recognised and reported.
  bool say_hint(const Token& token) {
    if (token.kind != TokenKind::kName && token.kind != TokenKind::kSign) return false;
    const std::string_view write = foreign_operator(lower(token.text));
    if (write.empty()) return false;
    stop_at(token, "'" + std::string(token.text) + "' is no operator", std::string(write), "E0313");
    return true;
  }

  void unexpected_tail() {
    const Token& token = peek();
    if (say_hint(token)) return;
    if (token.is(")") || token.is("]") || token.is("}")) {
      stop_at(token, shown(token) + " closes nothing");
      return;
    }
    const bool operand = begins_operand(token) && !token.is("-") && !token.is("!");
    stop_at(token, operand ? "an operator is missing before " + shown(token)
                           : shown(token) + " was not expected here");
  }

  std::string_view text_;
  std::vector<Problem>& problems_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  uint32_t last_end_ = 0;
  uint32_t nesting_ = 0;
  size_t nodes_ = 0;
  bool stopped_ = false;
};

}  // namespace

NodePtr parse(std::string_view text, std::vector<Problem>& problems) {
  const auto errors = [&problems] {
    return std::count_if(problems.begin(), problems.end(),
                         [](const Problem& problem) { return !problem.warning; });
  };
  const auto before = errors();
  NodePtr node = Parser(text, problems).run();
  if (errors() != before) return nullptr;
  return node;
}

}  // namespace streamflow::expr
