#include "daemon/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/journal.h"
#include "core/log.h"
#include "core/plan.h"
#include "daemon/builtin.h"
#include "daemon/config_yaml.h"
#include "web/dashboard_assets.h"

namespace streamflow {
namespace {

constexpr int kBadPipeline = 1;
constexpr int kRuntimeFailure = 3;
constexpr Micros kLookAgain = 100 * kMicrosPerMilli;  // whether the sinks have taken all
constexpr Micros kTick = kMicrosPerSecond;
constexpr Micros kStartAgain = 5 * kMicrosPerSecond;

std::string default_state_dir() {
  if (const char* dir = std::getenv("STATE_DIRECTORY")) return dir;
  if (const char* dir = std::getenv("XDG_STATE_HOME")) return std::string(dir) + "/streamflow";
  if (const char* home = std::getenv("HOME")) return std::string(home) + "/.local/state/streamflow";
  return "/var/lib/streamflow";
}

// A pipeline's name as the name of a folder.
std::string folder_name(const std::string& name) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || (c == '.' && !out.empty());
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

}  // namespace

Supervisor::Supervisor(DaemonOptions options)
    : options_(std::move(options)),
      notify_(loop_, take_service_environment()),
      memory_(loop_, options_.memory_limit, [this](bool is_short) { memory_is_short(is_short); }) {
  if (options_.watch && !options_.built_in) watch_.emplace(loop_, options_.config, [this] { reload(); });
  web::HubOptions hub;
  hub.server.allowed_hosts = options_.allowed_hosts;
  hub.wall_clock = UvLoop::wall_clock;
  hub.assets = web::dashboard_assets();
  hub_ = std::make_unique<web::Hub>(std::move(hub));
  registry_ = make_registry(hub_.get());
  reload_endpoint_ = std::make_unique<ReloadEndpoint>(hub_->server().ingest(), loop_, [this] { return reload(); });
}

Supervisor::~Supervisor() {
  reload_endpoint_.reset();
  hub_->stop(std::chrono::milliseconds(500));
  if (lock_fd_ >= 0) close(lock_fd_);
}

// All or, where `diagnostics` has errors, nothing that may run.  What could be read is planned in any case:
// that finds more problems at once.
std::vector<std::unique_ptr<Pipeline>> Supervisor::load(Diagnostics& diagnostics) {
  const std::vector<PipelineSpec> specs =
      options_.built_in ? std::vector<PipelineSpec>{*options_.built_in}
                        : load_path(options_.config, registry_, diagnostics);
  PlanOptions options = plan_options();
  Claims claims;
  options.claims = &claims;
  std::vector<std::unique_ptr<Pipeline>> built;
  for (const PipelineSpec& spec : specs)
    built.push_back(plan(spec, registry_, loop_, options, diagnostics));
  return built;
}

PlanOptions Supervisor::plan_options() const {
  PlanOptions options;
  options.state_dir = state_dir_;
  options.durable = disk_ != nullptr;
  return options;
}

int Supervisor::open_state_dir() {
  if (options_.state_dir == "-") return 0;
  state_dir_ = options_.state_dir.empty() ? default_state_dir() : options_.state_dir;
  std::error_code error;
  std::filesystem::create_directories(state_dir_, error);
  const std::string path = state_dir_ + "/lock";
  if (!error) lock_fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (error || lock_fd_ < 0) {
    log(LogLevel::kError, "cannot write the state folder " + state_dir_ + ": " +
                              (error ? error.message() : std::strerror(errno)) +
                              "; choose another with --state-dir");
    return kRuntimeFailure;
  }
  if (flock(lock_fd_, LOCK_EX | LOCK_NB) != 0) {
    log(LogLevel::kError, "another streamflowd uses the state folder " + state_dir_ +
                              "; give this one its own with --state-dir");
    return kRuntimeFailure;
  }
  disk_ = std::make_unique<FileDisk>(state_dir_, loop_);
  return 0;
}

int Supervisor::serve() {
  const size_t colon = options_.listen.rfind(':');
  std::string address = options_.listen.substr(0, colon);
  if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
  const auto started = hub_->start(address, static_cast<uint16_t>(std::stoi(options_.listen.substr(colon + 1))));
  if (!started.error.empty()) {
    log(LogLevel::kError, started.error);
    return kRuntimeFailure;
  }
  log(LogLevel::kInfo, "dashboard at http://" + (address.find(':') == std::string::npos ? address : "[" + address + "]") +
                           ":" + std::to_string(started.port) + "/");
  return 0;
}

int Supervisor::run() {
  started_ = loop_.now();
  reload_.at = reload_.loaded_at = started_;
  if (const int code = open_state_dir(); code != 0) return code;
  Diagnostics diagnostics;
  auto built = load(diagnostics);
  if (!diagnostics.all().empty())
    std::fputs(diagnostics.render(isatty(STDERR_FILENO) != 0).c_str(), stderr);
  if (!diagnostics.ok()) return kBadPipeline;
  // Before anybody can know that we are here.
  loop_.on_signal(SIGHUP, [this] { reload(); });
  loop_.on_signal(SIGTERM, [this] { shut_down(); });
  loop_.on_signal(SIGINT, [this] { shut_down(); });
  signal(SIGPIPE, SIG_IGN);
  publish_status();
  if (const int code = serve(); code != 0) return code;

  for (auto& pipeline : built) {
    const std::string name = pipeline->name;
    std::vector<DetachedSource> none;
    const Status started = adopt(std::move(pipeline), none);
    if (started) continue;
    log(LogLevel::kError, name + " does not start: " + started.error().message);
    return kRuntimeFailure;
  }
  running_ = true;
  tick();
  memory_.start();
  if (watch_) watch_->start();
  loop_.run();
  return exit_code_;
}

// An error: its state cannot be read, and to start without it would lose data.  `sources`: those that the version
// before it has left connected; what it takes is taken out.
Status Supervisor::adopt(std::unique_ptr<Pipeline> pipeline, std::vector<DetachedSource>& sources) {
  if (auto opened = open_journal(*pipeline); !opened) return opened;
  pipeline->attach(sources);
  log(LogLevel::kInfo, pipeline->name + ": started, delivery " + pipeline->delivery);
  pipelines_.push_back(std::move(pipeline));
  Pipeline& running = *pipelines_.back();
  running.on_finished = [this] { source_end_reached(); };
  running.hold(memory_short_);
  running.start();
  return {};
}

// At a reload.  What cannot start goes back to the version before it; where there is none, or that cannot start
// either, it is tried again.  Whether it has started as it was asked for.
bool Supervisor::start(std::unique_ptr<Pipeline> pipeline, std::vector<DetachedSource> sources, const SpecPtr& before) {
  const SpecPtr spec = pipeline->spec;
  const Status started = adopt(std::move(pipeline), sources);
  if (started) return true;
  auto old = before ? plan_again(*before) : nullptr;
  const bool went_back = old && adopt(std::move(old), sources);
  reload_.ok = false;
  reload_.error = spec->name + " does not start: " + started.error().message +
                  (went_back ? "; it goes back to the version before" : "; it is tried again");
  log(LogLevel::kError, reload_.error);
  if (!went_back) try_again(spec, before);
  return false;
}

// Null: it is no longer possible beside the pipelines that run now.
std::unique_ptr<Pipeline> Supervisor::plan_again(const PipelineSpec& spec) {
  PlanOptions options = plan_options();
  Claims claims;
  options.claims = &claims;
  Diagnostics theirs, own;
  for (const auto* others : {&pipelines_, &arriving_})
    for (const auto& other : *others) (void)plan(*other->spec, registry_, loop_, options, theirs);
  auto pipeline = plan(spec, registry_, loop_, options, own);
  return own.ok() ? std::move(pipeline) : nullptr;
}

void Supervisor::try_again(const SpecPtr& spec, const SpecPtr& before) {
  ++broken_;
  loop_.after(kStartAgain, [this, spec, before, reload = reloads_] {
    if (stopping_ || reload != reloads_) return;  // that has its own version of it
    --broken_;
    auto pipeline = plan_again(*spec);
    if (!pipeline) return try_again(spec, before);
    if (start(std::move(pipeline), {}, before)) {
      reload_.ok = true;
      reload_.error.clear();
    }
    hub_->reloaded(reload_.at, reload_.ok, reload_.error, true);
    publish_status();
  });
}

bool Supervisor::keeps_journal(const Pipeline& pipeline) const {
  return disk_ && pipeline.delivery != "at_most_once";
}

// A pipeline that keeps nothing would come back to a state that is no longer true.
void Supervisor::forget_journal(const Pipeline& pipeline) {
  if (!disk_) return;
  const std::string folder = "pipelines/" + folder_name(pipeline.name);
  const auto names = disk_->list(folder);
  if (!names || std::find(names->begin(), names->end(), "checkpoint") == names->end()) return;
  log(LogLevel::kWarn, pipeline.name + ": `delivery: at_most_once` drops what an earlier version kept");
  Journal::forget(*disk_, folder);
}

Status Supervisor::open_journal(Pipeline& pipeline) {
  if (!keeps_journal(pipeline)) {
    if (pipeline.delivery == "at_most_once") forget_journal(pipeline);
    return {};
  }
  pipeline.journal = std::make_unique<Journal>(pipeline, *disk_, "pipelines/" + folder_name(pipeline.name),
                                               pipeline.delivery == "exactly_once");
  std::vector<std::string> remarks;
  const Status opened = pipeline.journal->open(remarks);
  for (const std::string& remark : remarks) log(LogLevel::kWarn, pipeline.name + ": " + remark);
  if (opened && pipeline.journal->recovering())
    log(LogLevel::kInfo, pipeline.name + ": handles the input behind its last checkpoint again");
  return opened;
}

void Supervisor::report_unfinished(const Pipeline& pipeline, bool replaced) {
  const std::string words = pipeline.unfinished();
  if (words.empty()) return;
  const bool kept = pipeline.journal || replaced;
  log(kept ? LogLevel::kInfo : LogLevel::kWarn, pipeline.name + (kept ? ": keeps " : ": discards ") + words);
}

// Every source of a pipeline has ended.  When that is true of all and nobody looks at a chart, so does the
// daemon.
void Supervisor::source_end_reached() {
  if (stopping_ || broken_ > 0) return;
  for (const auto& pipeline : pipelines_)
    if (!pipeline->finished() || pipeline->has_charts()) return;
  if (!arriving_.empty()) return;
  if (!something_waits()) return shut_down();
  if (std::exchange(waiting_for_sinks_, true)) return;
  loop_.after(kLookAgain, [this] {
    waiting_for_sinks_ = false;
    source_end_reached();
  });
}

bool Supervisor::something_waits() const {
  return std::any_of(pipelines_.begin(), pipelines_.end(), [](const auto& p) { return p->ledger().queued > 0; });
}

void Supervisor::tick() {
  if (stopping_) return;
  publish_status();
  loop_.after(kTick, [this] { tick(); });
}

void Supervisor::publish_status() {
  hub_->set_status(std::make_shared<const std::string>(
      status_document(pipelines_, started_, loop_.now(), reload_, rates_)));
  hub_->set_metrics(std::make_shared<const std::string>(metrics_text(pipelines_)));
  const bool ready = running_ && arriving_.empty() && !stopping_;
  hub_->set_ready(ready, stopping_ ? "stopping" : running_ ? "a pipeline is starting" : "starting");
  if (stopping_ || !running_) return;
  notify_.status(service_status(pipelines_, arriving_.size(), reload_));
  if (ready) notify_.ready();
}

// The problems, as the API shows them; empty where all went well.
std::string Supervisor::reload() {
  if (stopping_) return "stopping";
  log(LogLevel::kInfo, "reloading");
  notify_.reloading(UvLoop::monotonic_clock());
  Diagnostics diagnostics;
  auto built = load(diagnostics);
  const bool good = diagnostics.ok();
  // Without colours: it goes to the API too.
  const std::string problems = diagnostics.all().empty() ? "" : diagnostics.render(false);
  const Micros now = loop_.now();
  reload_ = {good, now, good ? now : reload_.loaded_at, good ? "" : problems};
  if (!problems.empty()) log(good ? LogLevel::kWarn : LogLevel::kError, problems);
  if (good) {
    apply(std::move(built));
  } else {
    log(LogLevel::kError, "reload refused: the running version stays");
  }
  hub_->reloaded(reload_.at, good, reload_.error, good);
  publish_status();
  if (good) source_end_reached();  // what ran on may be what was removed
  return good ? "" : problems;
}

// Unchanged pipelines stay as they are; changed and removed ones are drained, and the new version of a
// changed one starts when the old one has let go of its connections.
void Supervisor::apply(std::vector<std::unique_ptr<Pipeline>> next) {
  ++reloads_;
  broken_ = 0;
  arriving_.clear();  // of the reload before, for what is retiring still
  std::vector<std::unique_ptr<Pipeline>> old = std::move(pipelines_);
  pipelines_.clear();
  size_t kept = 0;
  for (auto& pipeline : next) {
    const auto same = std::find_if(old.begin(), old.end(), [&](const auto& o) {
      return o && o->fingerprint == pipeline->fingerprint;
    });
    if (same != old.end()) {
      pipelines_.push_back(std::move(*same));
      ++kept;
      continue;
    }
    const bool replaces =
        std::any_of(old.begin(), old.end(), [&](const auto& o) { return o && o->name == pipeline->name; }) ||
        std::any_of(retiring_.begin(), retiring_.end(), [&](const auto& o) { return o->name == pipeline->name; });
    log(LogLevel::kInfo, pipeline->name + (replaces ? ": changed, restarts" : ": new, starts"));
    if (replaces) {
      arriving_.push_back(std::move(pipeline));
    } else {
      start(std::move(pipeline), {}, nullptr);
    }
  }
  for (auto& pipeline : old)
    if (pipeline) retire(std::move(pipeline));
  log(LogLevel::kInfo, "reloaded: " + std::to_string(kept) + " unchanged of " +
                           std::to_string(pipelines_.size() + arriving_.size()));
}

void Supervisor::retire(std::unique_ptr<Pipeline> pipeline) {
  const bool replaced = std::any_of(arriving_.begin(), arriving_.end(),
                                    [&pipeline](const auto& a) { return a->name == pipeline->name; });
  report_unfinished(*pipeline, replaced);
  Pipeline* leaving = pipeline.get();
  retiring_.push_back(std::move(pipeline));
  auto gone = std::make_shared<bool>(false);
  const auto finish_retirement = [this, leaving, gone] {
    if (*gone) return;
    *gone = true;
    // Not from within the pipeline's own call, and after what it has asked of the disk: the next version
    // reads what is there.
    loop_.after(0, [this, leaving] {
      if (!leaving->journal) return retired(leaving);
      leaving->journal->close();
      disk_->sync({}, [this, leaving](const Status&) { retired(leaving); });
    });
  };
  loop_.after(options_.stop_timeout, finish_retirement);
  leaving->drain(finish_retirement, replaced ? Pipeline::Leave::kHandOver : Pipeline::Leave::kEnd);
}

void Supervisor::retired(Pipeline* leaving) {
  const auto next = std::find_if(arriving_.begin(), arriving_.end(),
                                 [leaving](const auto& a) { return a->name == leaving->name; });
  std::unique_ptr<Pipeline> starting;
  std::vector<DetachedSource> sources;
  const SpecPtr before = leaving->spec;
  if (next != arriving_.end()) {
    starting = std::move(*next);
    arriving_.erase(next);
    hand_over(*leaving, *starting);
    sources = leaving->take_detached(*starting);
  }
  end(*leaving);
  // First: two versions must not have the journal's files at once.
  std::erase_if(retiring_, [leaving](const auto& p) { return p.get() == leaving; });
  if (stopping_) {
    if (--draining_ == 0) finish();
    return;
  }
  if (starting) start(std::move(starting), std::move(sources), before);
  // Its charts have gone, or others have come in their place.
  hub_->reloaded(reload_.at, reload_.ok, reload_.error, true);
  publish_status();
  source_end_reached();
}

// Where a journal does not keep it: what sources have read is handled and at the sinks' peers or gone, so the
// new version goes on from there; else it would read its files again.
void Supervisor::hand_over(Pipeline& from, Pipeline& to) {
  if (from.journal && keeps_journal(to)) return;
  std::vector<std::string> remarks;
  if (const Status loaded = to.load(from.save(), false, remarks); !loaded) remarks.push_back(loaded.error().message);
  for (const std::string& remark : remarks) log(LogLevel::kWarn, to.name + ": " + remark);
}

void Supervisor::shut_down() {
  if (stopping_) return;
  stopping_ = true;
  log(LogLevel::kInfo, "stopping");
  notify_.stopping();
  loop_.after(options_.stop_timeout, [this] {
    log(LogLevel::kWarn, "stop timeout reached");
    finish();
  });
  draining_ = 1 + retiring_.size();
  for (auto& pipeline : pipelines_) {
    report_unfinished(*pipeline, false);
    ++draining_;
    pipeline->drain([this] {
      if (--draining_ == 0) finish();
    });
  }
  if (--draining_ == 0) finish();
}

void Supervisor::memory_is_short(bool is_short) {
  memory_short_ = is_short;
  const std::string limit = std::to_string(options_.memory_limit >> 20) + " MiB";
  log(is_short ? LogLevel::kWarn : LogLevel::kInfo,
      is_short ? "memory is nine tenths of its limit of " + limit + ": sources wait" : "memory is within its limit again");
  for (auto& pipeline : pipelines_) pipeline->hold(is_short);
}

void Supervisor::finish() {
  for (auto& pipeline : pipelines_) end(*pipeline);
  for (auto& pipeline : retiring_) end(*pipeline);
  loop_.stop();
}

// Stops a pipeline and says what became of its records.
void Supervisor::end(Pipeline& pipeline) {
  const Ledger ledger = pipeline.ledger();
  if (ledger.queued > 0 && !pipeline.journal) {
    log(LogLevel::kWarn, pipeline.name + ": what is still queued is lost");
    if (stopping_) exit_code_ = kRuntimeFailure;
  }
  log(LogLevel::kInfo, pipeline.name + ": " + std::to_string(ledger.in) + " in, " +
                           std::to_string(ledger.written) + " written, " + std::to_string(ledger.late) +
                           " late, " + std::to_string(ledger.failed + ledger.undecodable) + " failed" +
                           (ledger.queued ? ", " + std::to_string(ledger.queued) + " still queued" : ""));
  pipeline.stop();
}

}  // namespace streamflow
