#include "daemon/config_watch.h"

#include <sys/stat.h>

#include <utility>

#include "daemon/config_yaml.h"

namespace streamflow {
namespace {

std::string file_signature(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return path + " -\n";
  return path + ' ' + std::to_string(status.st_ino) + ' ' + std::to_string(status.st_size) + ' ' +
         std::to_string(status.st_mtim.tv_sec) + '.' + std::to_string(status.st_mtim.tv_nsec) + '\n';
}

}  // namespace

ConfigWatch::ConfigWatch(Loop& loop, std::string path, std::function<void()> changed)
    : loop_(loop), path_(std::move(path)), changed_(std::move(changed)) {
  known_ = last_ = signature();
}

void ConfigWatch::start() {
  loop_.after(kEvery, [this] { look(); });
}

void ConfigWatch::look() {
  const std::string now = signature();
  if (now == last_ && now != known_) {
    known_ = now;
    changed_();
  }
  last_ = now;
  loop_.after(kEvery, [this] { look(); });
}

std::string ConfigWatch::signature() const {
  std::error_code ignored;
  std::string out;
  for (const auto& file : config_files(path_, ignored)) out += file_signature(file.string());
  return out;
}

}  // namespace streamflow
