// What a handler sees and gives, and which handler serves which path.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace streamflow::web {

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

// The first value under that name, or nullptr.
const std::string* find_text(const NamedTexts& texts, std::string_view name);

// A GET (or HEAD) request that found its route.  Texts are percent-decoded, and may hold any byte
// but NUL.
struct Request {
  std::string path;
  NamedTexts params;  // what the {name}s of the pattern stood for
  NamedTexts query;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  std::shared_ptr<const std::string> body;  // nullptr: empty
  NamedTexts headers;
};

// {"error": reason} with that status.
Response error_response(int status, std::string_view reason);

// Runs on the server's thread and may take a millisecond, no more: all viewers wait for it.
using Handler = std::function<Response(const Request&)>;

// Paths are matched by comparing segments, never by std::regex, whose recursion a long path can
// drive through a thread's stack.  A pattern is a literal path in which whole segments may be
// `{name}`. Filled before the server starts, then only read.
class RouteTable {
 public:
  static constexpr std::size_t kParamBytesMax = 256;

  void get(std::string_view pattern, Handler handler);

  // The handler for this path, or nullptr; params is filled with what the pattern's {name}s
  // matched.
  const Handler* find(std::string_view path, NamedTexts& params) const;

 private:
  struct Pattern {
    std::vector<std::string> segments;  // "{name}" stands for any segment
    Handler handler;
  };
  std::unordered_map<std::string, Handler> literal_;
  std::vector<Pattern> patterns_;
};

}  // namespace streamflow::web
