#include "daemon/logging.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "core/log.h"
#include "core/value.h"

namespace streamflow {

void start_logging(const LogOptions& options) {
  auto logger = std::make_shared<spdlog::logger>(
      "streamflowd", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  const bool json = options.format == "json";
  logger->set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":%v})"
                           : "%Y-%m-%dT%H:%M:%S.%eZ %-5l %v",
                      spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(options.level));
  logger->flush_on(spdlog::level::debug);
  set_log_sink([logger, json](LogLevel level, std::string_view text) {
    static constexpr spdlog::level::level_enum kLevels[] = {
        spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};
    const auto at = kLevels[static_cast<size_t>(level)];
    if (!logger->should_log(at)) return;
    if (!json) {
      logger->log(at, spdlog::string_view_t(text.data(), text.size()));
      return;
    }
    std::string quoted;
    append_json_string(text, quoted);
    logger->log(at, spdlog::string_view_t(quoted.data(), quoted.size()));
  });
}

}  // namespace streamflow
