#include "daemon/interpolate.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

namespace streamflow {
namespace {

bool is_variable_name(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::all_of(name.begin(), name.end(), good);
}

class Interpolation {
 public:
  Interpolation(const SpecValue& value, const Lookup& lookup, Diagnostics& diagnostics)
      : value_(value), lookup_(lookup), diagnostics_(diagnostics) {}

  SpecValue run() {
    const std::string& text = value_.text;
    for (size_t at = 0; at < text.size();) {
      if (text.compare(at, 3, "$${") == 0) {
        put("${", at);
        at += 3;
      } else if (text.compare(at, 2, "${") == 0) {
        at = reference(at);
      } else {
        put(text.substr(at, 1), at);
        ++at;
      }
    }
    SpecValue out = value_;
    out.text = std::move(text_);
    out.secret = secret_;
    offsets_.push_back(offset(text.size()));
    out.offsets = std::make_shared<const std::vector<uint32_t>>(std::move(offsets_));
    return out;
  }

 private:
  uint32_t offset(size_t at) const {
    return value_.offsets ? (*value_.offsets)[at] : static_cast<uint32_t>(value_.span.begin + at);
  }

  // A text that stands at `begin`: all its bytes have that one place, which also tells what was looked up
  // from what was written.
  void put(std::string_view text, size_t begin) {
    offsets_.insert(offsets_.end(), text.size(), offset(begin));
    text_ += text;
  }

  void error(const char* code, size_t begin, size_t end, std::string message,
             std::string label = {}, std::string help = {}) {
    diagnostics_.error(code, value_.part(begin, end), std::move(message), std::move(label),
                       std::move(help));
  }

  // Handles the reference at `begin` and returns the place after it.
  size_t reference(size_t begin) {
    const std::string& text = value_.text;
    const size_t close = text.find('}', begin);
    if (close == std::string::npos) {
      error("E0121", begin, text.size(), "'${' without its '}'", "",
            "a literal '${' is written $${");
      return text.size();
    }
    const size_t end = close + 1;
    const std::string_view inside = std::string_view(text).substr(begin + 2, close - begin - 2);
    if (inside.starts_with("file:")) {
      read_file(begin, end, std::string(inside.substr(5)));
    } else {
      read_variable(begin, end, inside);
    }
    return end;
  }

  void read_file(size_t begin, size_t end, const std::string& path) {
    if (!lookup_.file) {
      error("E0122", begin, end, "this pipeline may not read files for its values");
      return;
    }
    Result<std::string> content = lookup_.file(path);
    if (!content) {
      error("E0122", begin, end, content.error().message);
      return;
    }
    secret_ = true;
    put(*content, begin);
  }

  void read_variable(size_t begin, size_t end, std::string_view inside) {
    const size_t colon = inside.find(':');
    const std::string name(inside.substr(0, colon));
    std::string_view rest = colon == std::string_view::npos ? "" : inside.substr(colon + 1);
    const char kind = rest.empty() ? '\0' : rest.front();
    if (!is_variable_name(name) ||
        (colon != std::string_view::npos && kind != '-' && kind != '?')) {
      error("E0121", begin, end, "'${" + std::string(inside) + "}' names no variable",
            "${NAME}, ${NAME:-default}, ${NAME:?message} or ${file:/path}",
            "a literal '${' is written $${");
      return;
    }
    if (!rest.empty()) rest.remove_prefix(1);
    std::optional<std::string> found;
    if (lookup_.variable) found = lookup_.variable(name);
    // As in the shell, `:-` and `:?` take an empty variable for an unset one.
    if (found && !(found->empty() && colon != std::string_view::npos)) {
      secret_ = true;
      put(*found, begin);
    } else if (kind == '-') {
      put(rest, begin);
    } else if (kind == '?' && !rest.empty()) {
      error("E0120", begin, end, "variable " + name + " is not set: " + std::string(rest));
    } else {
      error("E0120", begin, end, "variable " + name + " is not set", "",
            "${" + name + ":-default} gives a default");
    }
  }

  const SpecValue& value_;
  const Lookup& lookup_;
  Diagnostics& diagnostics_;
  std::string text_;
  std::vector<uint32_t> offsets_;
  bool secret_ = false;
};

Result<std::string> read_secret(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text(kSecretFileMax + 1, '\0');
  if (!stream.read(text.data(), static_cast<std::streamsize>(text.size())) && !stream.eof()) {
    return fail(ErrorKind::kConfig, "cannot read '" + path.string() + "'");
  }
  text.resize(static_cast<size_t>(stream.gcount()));
  if (text.size() > kSecretFileMax) {
    return fail(ErrorKind::kConfig, "'" + path.string() + "' has more than " +
                                        std::to_string(kSecretFileMax) + " bytes");
  }
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace

Lookup environment(std::string folder) {
  Lookup lookup;
  lookup.variable = [](const std::string& name) -> std::optional<std::string> {
    const char* const found = std::getenv(name.c_str());
    return found == nullptr ? std::nullopt : std::optional<std::string>(found);
  };
  lookup.file = [folder = std::move(folder)](const std::string& path) {
    return read_secret(std::filesystem::path(folder) / path);
  };
  return lookup;
}

void interpolate(SpecValue& value, const Lookup& lookup, Diagnostics& diagnostics) {
  if (value.is_scalar() && value.text.find("${") != std::string::npos) {
    value = Interpolation(value, lookup, diagnostics).run();
  }
  for (SpecValue& item : value.items) interpolate(item, lookup, diagnostics);
  for (auto& [key, entry] : value.entries) interpolate(entry, lookup, diagnostics);
}

}  // namespace streamflow
