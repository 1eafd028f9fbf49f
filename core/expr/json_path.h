// One member of a JSON object, found without reading the others: what `a.b.c` needs of a nested
// cell.
#pragma once

#include <optional>
#include <string_view>

namespace streamflow::expr {

// The text of the value of `name`, empty where there is no such member; the last counts of several.
// Nothing where the text is no plain object (escaped names, damage): parse it whole then.
std::optional<std::string_view> find_member(std::string_view object, std::string_view name);

}  // namespace streamflow::expr
