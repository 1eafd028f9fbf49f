// Golden diagnostics: tests/diagnostics/NAME.yaml must give the problems of NAME.txt, letter by
// letter.  UPDATE_GOLDEN=1 writes them anew.
#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "daemon/check.h"

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
  std::vector<std::string> remarks;
  return check_file(path.string(), remarks).render();
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

// `"E0123"` in a source, without the quotes.
void codes_in(const std::string& text, std::set<std::string>& codes) {
  for (size_t at = text.find("\"E0"); at != std::string::npos; at = text.find("\"E0", at + 1)) {
    const std::string code = text.substr(at + 1, 5);
    const bool digits = std::all_of(code.begin() + 1, code.end(),
                                    [](unsigned char c) { return std::isdigit(c) != 0; });
    if (digits && code.size() == 5 && text.compare(at + 6, 1, "\"") == 0) codes.insert(code);
  }
}

TEST_CASE("each code in the sources has its section in docs/errors.md, and each section its code") {
  const fs::path root = STREAMFLOW_SOURCE_DIR;
  std::set<std::string> used, described;
  for (const char* layer : {"core", "operators", "connectors", "web", "daemon"}) {
    for (auto entry = fs::recursive_directory_iterator(root / layer);
         entry != fs::recursive_directory_iterator(); ++entry) {
      if (entry->path().filename() == "dashboard") entry.disable_recursion_pending();
      if (entry->path().extension() == ".cpp") codes_in(read(entry->path()), used);
    }
  }
  const std::string page = read(root / "docs" / "errors.md");
  for (size_t at = page.find("### E0"); at != std::string::npos; at = page.find("### E0", at + 1)) {
    described.insert(page.substr(at + 4, 5));
  }
  CHECK(used.size() > 50);
  for (const std::string& code : used) {
    CAPTURE(code);
    CHECK(described.count(code) == 1);
  }
  for (const std::string& code : described) {
    CAPTURE(code);
    CHECK(used.count(code) == 1);
  }
}

}  // namespace
}  // namespace streamflow
