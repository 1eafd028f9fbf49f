// The daemon's life: loads and starts pipelines, serves them, reloads on SIGHUP, drains on SIGTERM.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/pipeline.h"
#include "core/plan.h"
#include "core/registry.h"
#include "core/spec.h"
#include "daemon/config_watch.h"
#include "daemon/file_disk.h"
#include "daemon/memory_guard.h"
#include "daemon/reload_endpoint.h"
#include "daemon/service_notify.h"
#include "daemon/status.h"
#include "daemon/uv_loop.h"
#include "web/hub.h"

namespace streamflow {

struct DaemonOptions {
  std::string config;                      // file or folder
  std::optional<PipelineSpec> built_in;    // `demo`: instead of `config`
  std::string listen = "127.0.0.1:8080";
  std::vector<std::string> allowed_hosts;
  std::string state_dir;                   // empty: by environment; "-": none
  Micros stop_timeout = 10 * kMicrosPerSecond;
  size_t memory_limit = 0;                 // bytes; 0: none
  bool watch = false;                      // reload when `config` changes
};

class Supervisor {
 public:
  explicit Supervisor(DaemonOptions options);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  int run();  // until SIGTERM, SIGINT or the end of all sources; the exit code

 private:
  std::vector<std::unique_ptr<Pipeline>> load(Diagnostics& diagnostics);
  int open_state_dir();
  int serve();
  PlanOptions plan_options() const;
  Status adopt(std::unique_ptr<Pipeline> pipeline, std::vector<DetachedSource>& sources);
  bool start(std::unique_ptr<Pipeline> pipeline, std::vector<DetachedSource> sources, const SpecPtr& before);
  std::unique_ptr<Pipeline> plan_again(const PipelineSpec& spec);
  void try_again(const SpecPtr& spec, const SpecPtr& before);
  bool keeps_journal(const Pipeline& pipeline) const;
  Status open_journal(Pipeline& pipeline);
  void forget_journal(const Pipeline& pipeline);
  bool something_waits() const;
  void report_unfinished(const Pipeline& pipeline, bool replaced);
  std::string reload();
  void apply(std::vector<std::unique_ptr<Pipeline>> next);
  void retire(std::unique_ptr<Pipeline> pipeline);
  void retired(Pipeline* leaving);
  void hand_over(Pipeline& from, Pipeline& to);
  void source_end_reached();
  void tick();
  void publish_status();
  void shut_down();
  void finish();
  void memory_is_short(bool is_short);
  void end(Pipeline& pipeline);

  DaemonOptions options_;
  UvLoop loop_;
  ServiceNotify notify_;
  MemoryGuard memory_;
  std::optional<ConfigWatch> watch_;  // with --watch
  bool memory_short_ = false;
  std::unique_ptr<web::Hub> hub_;
  Registry registry_;
  std::string state_dir_;
  int lock_fd_ = -1;
  std::unique_ptr<FileDisk> disk_;  // null: no state folder
  std::unique_ptr<ReloadEndpoint> reload_endpoint_;
  std::vector<std::unique_ptr<Pipeline>> pipelines_;
  std::vector<std::unique_ptr<Pipeline>> retiring_;
  std::vector<std::unique_ptr<Pipeline>> arriving_;  // start when their old version has gone
  Rates rates_;
  ReloadStatus reload_;
  Micros started_ = 0;
  bool running_ = false;  // all pipelines have been started
  bool stopping_ = false;
  size_t reloads_ = 0;  // that were taken
  size_t broken_ = 0;   // pipelines of the last one that could not start yet
  bool waiting_for_sinks_ = false;
  size_t draining_ = 0;  // that the end waits for
  int exit_code_ = 0;
};

}  // namespace streamflow
