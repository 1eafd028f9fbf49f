// What the daemon says about itself, for people.  The daemon decides where lines go; before that, and in
// tests, they go to stderr.  Any thread.
#pragma once

#include <functional>
#include <string_view>

namespace streamflow {

enum class LogLevel : unsigned char { kDebug, kInfo, kWarn, kError };

void log(LogLevel level, std::string_view text);

// Set before threads start.  Empty: stderr.
void set_log_sink(std::function<void(LogLevel, std::string_view)> sink);

}  // namespace streamflow
