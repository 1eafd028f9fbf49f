// Where a text stands in another, in time linear in both: std::string_view takes their product
// where they repeat themselves, and both may come from a peer.
#pragma once

#include <cstddef>
#include <string_view>

namespace streamflow::expr {

// The first place not before `from`, npos where there is none.  An empty part is anywhere.
size_t find_text(std::string_view text, std::string_view part, size_t from = 0);
// The last place not beyond `from`.
size_t find_text_last(std::string_view text, std::string_view part,
                      size_t from = std::string_view::npos);

}  // namespace streamflow::expr
