#include "connectors/file/path.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace streamflow::file {
namespace {

constexpr std::string_view kScheme = "file:";

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

FileAddress read_address(BuildContext& context, std::string_view name) {
  FileAddress out;
  const SpecValue* value = context.params.value(name);
  std::string_view path = value != nullptr ? std::string_view(value->text) : std::string_view();
  const bool has_scheme = path.substr(0, kScheme.size()) == kScheme;
  if (has_scheme) path.remove_prefix(kScheme.size());
  if (has_scheme && path.substr(0, 3) == "///") path.remove_prefix(2);
  if (path.empty() || path.find('\0') != std::string_view::npos) {
    context.diagnostics.error("E0611", context.params.span(name), "the file's path is missing",
                              "write file:PATH", "file:- is standard input or output");
    return out;
  }
  out.written = std::string(path);
  out.secret = value->secret;
  out.shown = value->secret ? "file:***" : "file:" + std::string(path);
  out.standard = path == "-";
  out.is_csv = ends_with(path, ".csv");
  const bool relative = path.front() != '/' && !out.standard && !context.params.folder.empty();
  out.path = relative ? context.params.folder + '/' + std::string(path) : std::string(path);
  return out;
}

std::string errno_text(int error, const std::string& path, bool secret) {
  if (secret) return std::strerror(error);
  if (error == ENOENT) {
    const size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
    struct stat status {};
    if (!folder.empty() && ::stat(folder.c_str(), &status) != 0) {
      return "there is no folder '" + folder + "'";
    }
  }
  return std::string(std::strerror(error)) + ": '" + path + "'";
}

}  // namespace streamflow::file
