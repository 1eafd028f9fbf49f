#include "daemon/config_watch.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

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
  std::error_code error;
  if (!std::filesystem::is_directory(path_, error)) return file_signature(path_);
  std::vector<std::string> files;
  std::filesystem::directory_iterator entries(path_, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const auto extension = entries->path().extension();
    if (extension == ".yaml" || extension == ".yml") files.push_back(entries->path().string());
  }
  std::sort(files.begin(), files.end());
  std::string out;
  for (const std::string& file : files) out += file_signature(file);
  return out;
}

}  // namespace streamflow
