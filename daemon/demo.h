// `streamflowd demo`: pipelines that need no broker, no network and no file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace streamflow {

struct Demo {
  std::string_view name;
  std::string_view summary;
  std::string_view yaml;
};

const std::vector<Demo>& demos();
const Demo* find_demo(std::string_view name);  // empty: the first; null: none of this name

}  // namespace streamflow
