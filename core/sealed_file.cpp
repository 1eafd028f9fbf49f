#include "core/sealed_file.h"

#include <xxhash.h>

#include <cinttypes>
#include <cstdio>

#include "core/state_bytes.h"

namespace streamflow {

std::string seal(std::string_view magic, std::string_view content) {
  std::string file(kSealBytes, '\0');
  file += content;
  seal_in_place(magic, file);
  return file;
}

void seal_in_place(std::string_view magic, std::string& file) {
  std::string head(magic);
  save_word(XXH3_64bits(file.data() + kSealBytes, file.size() - kSealBytes), head);
  file.replace(0, kSealBytes, head);
}

Result<std::string_view> unseal(std::string_view file, std::string_view magic, std::string_view what,
                                const std::string& path) {
  if (!file.starts_with(magic))
    return fail(ErrorKind::kIo, path + " is no " + std::string(what) + " of this version");
  StateReader in(file.substr(magic.size()));
  const uint64_t checksum = in.word();
  const std::string_view content = in.rest();
  if (XXH3_64bits(content.data(), content.size()) != checksum)
    return fail(ErrorKind::kIo, path + " is damaged");
  return content;
}

std::string numbered_path(const std::string& folder, uint64_t number, std::string_view suffix) {
  char name[24];
  std::snprintf(name, sizeof name, "/%020" PRIu64, number);
  return folder + name + std::string(suffix);
}

std::string hash_text(std::string_view text) {
  char out[17];
  std::snprintf(out, sizeof out, "%016" PRIx64, static_cast<uint64_t>(XXH3_64bits(text.data(), text.size())));
  return out;
}

}  // namespace streamflow
