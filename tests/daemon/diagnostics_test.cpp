// Golden diagnostics: tests/diagnostics/NAME.yaml must give the problems of NAME.txt, letter by
// letter.  UPDATE_GOLDEN=1 writes them anew.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "daemon/config_yaml.h"
#include "tests/daemon/sample_registry.h"

namespace streamflow {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

std::string diagnose(const fs::path& path) {
  Diagnostics diagnostics;
  const Registry registry = sample_registry();
  const auto file =
      std::make_shared<const SourceFile>(SourceFile{path.filename().string(), read(path)});
  const std::string folder = path.parent_path().string();
  const auto spec = load(file, folder, registry, environment(folder), diagnostics);
  if (spec) validate_all(*spec, registry, diagnostics);
  return diagnostics.render();
}

TEST_CASE("each golden pipeline gets exactly its diagnostics") {
  const fs::path folder = fs::path(STREAMFLOW_SOURCE_DIR) / "tests" / "diagnostics";
  const bool update = std::getenv("UPDATE_GOLDEN") != nullptr;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  CHECK(files.size() >= 40);
  for (const fs::path& file : files) {
    CAPTURE(file.filename().string());
    std::string found = diagnose(file);
    // A folder's name in a message is not the same everywhere.
    for (size_t at; (at = found.find(folder.string() + "/")) != std::string::npos;) {
      found.erase(at, folder.string().size() + 1);
    }
    const fs::path golden = fs::path(file).replace_extension(".txt");
    CHECK_FALSE(found.empty());
    if (update) std::ofstream(golden, std::ios::binary) << found;
    CHECK(found == read(golden));
  }
}

}  // namespace
}  // namespace streamflow
