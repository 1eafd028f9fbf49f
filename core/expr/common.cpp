#include "core/expr/common.h"

#include <algorithm>
#include <map>

#include "core/expr/program.h"

namespace streamflow::expr {
namespace {

constexpr uint32_t kNoLocal = UINT32_MAX;

// Nodes of one class have the same value in every row, unless they use a variable of a macro around
// them.
class Classes {
 public:
  void run(Tree& tree) {
    add(*tree.root);
    apart_.resize(counts_.size());
    look(*tree.root, kNone);
    std::vector<uint32_t> numbers(counts_.size(), 0);
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const uint32_t kind = of_[i];
      if (!apart_[kind] || counts_[kind] < 2) continue;
      if (numbers[kind] == 0) numbers[kind] = ++tree.shared;
      nodes_[i]->shared = numbers[kind];
    }
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Added {
    uint32_t kind;
    uint32_t lowest_local;  // that it uses and does not bind itself
  };

  static bool costs(const Node& node) {
    switch (node.kind) {
      case NodeKind::kCall:
        return node.macro != Macro::kHas;
      case NodeKind::kUnary:
        return node.op == Op::kNegate;
      case NodeKind::kBinary:
        return is_arithmetic(node.op);
      case NodeKind::kSelect:
      case NodeKind::kIndex:
      case NodeKind::kConditional:
        return true;
      default:
        return false;
    }
  }

  static std::string own_key(const Node& node) {
    std::string out;
    for (const auto part : {static_cast<unsigned>(node.kind), static_cast<unsigned>(node.op),
                            static_cast<unsigned>(node.resolved), static_cast<unsigned>(node.macro),
                            static_cast<unsigned>(node.slot), unsigned{node.receiver},
                            unsigned{node.optional}, unsigned{node.number}, unsigned{node.data}})
      out += std::to_string(part) + ",";
    out += node.name;
    for (const bool marked : node.marked) out += marked ? "?" : "_";
    if (node.is_literal()) ((out += ":") += kind_name(node.value.kind())) += literal(node.value);
    return out;
  }

  Added add(Node& node) {
    std::string key = own_key(node);
    uint32_t lowest = node.resolved == Resolved::kLocal ? node.slot : kNoLocal;
    for (size_t i = 0; i < node.children.size(); ++i) {
      const Added child = add(*node.children[i]);
      key += "(" + std::to_string(child.kind);
      const bool bound = i > 0 && node.variables > 0 && child.lowest_local >= node.slot;
      if (!bound) lowest = std::min(lowest, child.lowest_local);
    }
    const auto [found, made] = classes_.emplace(std::move(key), counts_.size());
    const auto kind = static_cast<uint32_t>(found->second);
    if (made) {
      counts_.push_back(0);
      bound_.push_back(lowest != kNoLocal);
    }
    ++counts_[kind];
    // has(a.b) does not evaluate a.b.
    if (node.macro == Macro::kHas) --counts_[by_node_[node.children[0].get()]];
    by_node_[&node] = kind;
    return {kind, lowest};
  }

  void look(Node& node, uint32_t parent) {
    const uint32_t kind = by_node_[&node];
    const bool sharable = costs(node) && !bound_[kind];
    if (sharable) {
      nodes_.push_back(&node);
      of_.push_back(kind);
      if (parent == kNone || counts_[parent] < counts_[kind]) apart_[kind] = true;
    }
    const bool has = node.macro == Macro::kHas;
    std::vector<NodePtr>& children = has ? node.children[0]->children : node.children;
    for (NodePtr& child : children) look(*child, sharable ? kind : kNone);
  }

  std::map<std::string, size_t> classes_;
  std::map<const Node*, uint32_t> by_node_;
  std::vector<uint32_t> counts_;
  std::vector<bool> bound_;  // uses a variable of a macro around it
  std::vector<bool> apart_;  // stands somewhere without its parent being as frequent
  std::vector<Node*> nodes_;
  std::vector<uint32_t> of_;
};

}  // namespace

void find_common(Tree& tree) { Classes().run(tree); }

}  // namespace streamflow::expr
