#include "core/log.h"

#include <cstdio>
#include <utility>

namespace streamflow {
namespace {

void to_stderr(LogLevel, std::string_view text) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

std::function<void(LogLevel, std::string_view)>& sink() {
  static std::function<void(LogLevel, std::string_view)> current = to_stderr;
  return current;
}

}  // namespace

void log(LogLevel level, std::string_view text) { sink()(level, text); }

void set_log_sink(std::function<void(LogLevel, std::string_view)> fn) {
  sink() = fn ? std::move(fn) : to_stderr;
}

}  // namespace streamflow
