// Notices that a pipeline file, or a folder of them, has changed: `--watch`.
#pragma once

#include <functional>
#include <string>

#include "core/loop.h"

namespace streamflow {

class ConfigWatch {
 public:
  static constexpr Micros kEvery = 500 * kMicrosPerMilli;

  // What there is now is known: made before the files are read.  `changed` is called once the files stand
  // still for one look: an editor may write them in parts.
  ConfigWatch(Loop& loop, std::string path, std::function<void()> changed);
  void start();

 private:
  void look();
  std::string signature() const;  // names, sizes and times of the files

  Loop& loop_;
  const std::string path_;
  std::function<void()> changed_;
  std::string known_, last_;
};

}  // namespace streamflow
