#include "daemon/options.h"

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "core/option_value.h"
#include "core/time.h"
#include "daemon/builtin.h"
#include "daemon/commands.h"
#include "daemon/config_yaml.h"
#include "daemon/demo.h"
#include "daemon/eval.h"
#include "daemon/health.h"
#include "daemon/json_schema.h"
#include "daemon/list.h"
#include "daemon/logging.h"
#include "daemon/state_command.h"
#include "daemon/supervisor.h"

namespace streamflow {
namespace {

constexpr int kUsage = 2;

// A value such as 10s; CLI11 shows what is wrong with it as its own usage errors.
CLI::Validator duration_validator() {
  return CLI::Validator(
      [](std::string& text) {
        return parse_duration(text) ? std::string() : "'" + text + "' is no duration: write 10s, 500ms or 1m";
      },
      "DURATION");
}

CLI::Validator listen_validator() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        const size_t colon = text.rfind(':');
        const std::string port = colon == std::string::npos ? "" : text.substr(colon + 1);
        if (port.empty() || port.find_first_not_of("0123456789") != std::string::npos || port.size() > 5 ||
            std::stoi(port) > 65535)
          return "'" + text + "' is no address: write HOST:PORT, as in 127.0.0.1:8080";
        const std::string host = text.substr(0, colon);
        const bool loopback = host == "127.0.0.1" || host == "localhost" || host == "::1" || host == "[::1]";
        if (!loopback) return "'" + host + "' is not the loopback interface: this version serves only 127.0.0.1, ::1 and localhost";
        return "";
      },
      "HOST:PORT");
}

CLI::Validator size_validator() {
  return CLI::Validator(
      [](std::string& text) {
        const auto size = parse_size(text);
        return size && *size >= (int64_t{32} << 20) ? std::string()
                                                    : "'" + text + "' is no size of 32MiB or more: write 256MiB";
      },
      "SIZE");
}

struct CommandLine {
  CLI::App app{"Live data on one small machine: pipelines in YAML, a dashboard in the browser."};
  DaemonOptions daemon;
  std::string stop_timeout = "10s";
  std::string memory_limit;
  LogOptions log;
  std::vector<std::string> paths;
  std::string path;
  bool syntax = false;
  bool against_running = false;
  bool repair = false;
  bool readiness = false;
  TestCommand test;
  ReplayCommand replay;
  EvalCommand eval;
  std::string demo;
  bool eject = false;
  std::string list_what, list_name;

  void daemon_options(CLI::App& to) {
    to.add_option("--listen", daemon.listen, "where the dashboard and the API are served")
        ->check(listen_validator())
        ->capture_default_str()
        ->envname("STREAMFLOW_LISTEN");
    to.add_option("--allowed-host", daemon.allowed_hosts, "a further name that a request's Host may have")
        ->delimiter(',')
        ->envname("STREAMFLOW_ALLOWED_HOST");
    to.add_option("--state-dir", daemon.state_dir, "where state is kept; - keeps none")->envname("STREAMFLOW_STATE_DIR");
    to.add_option("--stop-timeout", stop_timeout, "how long SIGTERM waits for what is queued")
        ->check(duration_validator())
        ->capture_default_str()
        ->envname("STREAMFLOW_STOP_TIMEOUT");
    to.add_option("--memory-limit", memory_limit, "resident memory; sources wait at nine tenths of it")
        ->check(size_validator())
        ->envname("STREAMFLOW_MEMORY_LIMIT");
    to.add_option("--log-level", log.level, "least level that is logged")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
        ->capture_default_str()
        ->envname("STREAMFLOW_LOG_LEVEL");
    to.add_option("--log-format", log.format, "form of a log line")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str()
        ->envname("STREAMFLOW_LOG_FORMAT");
  }

  int run_daemon() {
    start_logging(log);
    daemon.memory_limit = static_cast<size_t>(parse_size(memory_limit).value_or(0));
    daemon.stop_timeout = parse_duration(stop_timeout).value_or(daemon.stop_timeout);
    return Supervisor(daemon).run();
  }

  int run_demo() {
    const Demo* found = find_demo(demo);
    if (found == nullptr) {
      std::string names;
      for (const Demo& d : demos()) names += (names.empty() ? "" : ", ") + std::string(d.name);
      std::fprintf(stderr, "there is no demo '%s'; there are: %s\n", demo.c_str(), names.c_str());
      return kUsage;
    }
    if (eject) {
      std::fwrite(found->yaml.data(), 1, found->yaml.size(), stdout);
      return 0;
    }
    Diagnostics diagnostics;
    const auto file = std::make_shared<SourceFile>(
        SourceFile{"demo " + std::string(found->name), std::string(found->yaml)});
    daemon.built_in = load(file, ".", make_registry(), Lookup{}, diagnostics);
    if (!daemon.built_in || !diagnostics.ok()) {
      std::fputs(diagnostics.render().c_str(), stderr);
      return 1;
    }
    if (daemon.state_dir.empty()) daemon.state_dir = "-";
    return run_daemon();
  }
};

int print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CommandLine line;
  CLI::App& app = line.app;
  app.name("streamflowd");
  app.set_version_flag("--version", STREAMFLOW_VERSION);
  app.footer("Exit codes: 0 ok, 1 bad pipeline or failed test, 2 usage, 3 runtime failure.\n"
             "Try: streamflowd demo");
  app.add_option("--config", line.daemon.config, "a pipeline file, or a folder of them")
      ->envname("STREAMFLOW_CONFIG");
  app.add_flag("--watch", line.daemon.watch, "reload when the files change")->envname("STREAMFLOW_WATCH");
  line.daemon_options(app);
  app.require_subcommand(0, 1);

  CLI::App* check = app.add_subcommand("check", "all problems of pipeline files, with their places");
  check->add_option("PATH", line.paths, "files or folders")->required();
  check->add_flag("--syntax", line.syntax, "YAML only");
  check->add_flag("--against-running", line.against_running, "also what a reload would keep and lose");
  check->add_option("--listen", line.daemon.listen, "with --against-running: where the daemon is")
      ->check(listen_validator())
      ->capture_default_str()
      ->envname("STREAMFLOW_LISTEN");

  CLI::App* test = app.add_subcommand("test", "run the tests of pipeline files in virtual time");
  test->add_option("PATH", line.test.paths, "files or folders")->required();
  test->add_option("--junit", line.test.junit, "also write the results as JUnit XML");

  CLI::App* explain = app.add_subcommand("explain", "the plan: steps, types, decoded fields, guarantees");
  explain->add_option("PATH", line.path, "a file or folder")->required();

  CLI::App* replay = app.add_subcommand("replay", "recorded records through a pipeline, in virtual time");
  replay->add_option("PATH", line.replay.path, "a pipeline file")->required();
  replay->add_option("--input", line.replay.inputs, "[STREAM=]FILE of NDJSON, or CSV by its name; - is standard input")
      ->required();
  replay->add_option("--output", line.replay.outputs, "[STREAM=]FILE; - (the default) is standard output");
  replay->add_option("--time", line.replay.time_field, "event time field, where a source has no `time:`");
  replay->add_option("--interval", line.replay.interval, "time between records, where there is no time")
      ->check(duration_validator());
  replay->add_option("--timestamps", line.replay.timestamps, "how times are written")
      ->check(CLI::IsMember({"rfc3339", "s", "ms", "us", "ns"}));
  replay->add_option("--ledger", line.replay.ledger, "write the ledger to this file as JSON");
  replay->add_flag("--with-sinks", line.replay.with_sinks, "let file sinks write too");

  CLI::App* eval = app.add_subcommand("eval", "the value of one expression");
  eval->add_option("EXPR", line.eval.expression, "the expression; after -- where it looks like an option");
  eval->add_option("--record", line.eval.record, "the record that its names are fields of: JSON, @FILE or - for standard input");
  eval->add_option("--bind", line.eval.bind, "NAME:TYPE=VALUE: a name with a value of a CEL type, as in x:int=5")
      ->allow_extra_args(false);
  eval->add_flag("--typed", line.eval.typed, "answer one JSON request a line from standard input: {\"expr\": \"x + 1\", \"bind\": {\"x\": {\"int\": \"5\"}}}");

  CLI::App* demo = app.add_subcommand("demo", "a chart moving in seconds: no broker, no network, no file");
  demo->add_option("NAME", line.demo, "which one");
  demo->add_flag("--eject", line.eject, "print its YAML instead");
  line.daemon_options(*demo);

  CLI::App* state = app.add_subcommand("state", "what a state folder holds, and whether it is whole");
  state->add_option("DIR", line.path, "the state folder")->required();
  state->add_flag("--repair", line.repair, "cut damaged tails off, set damaged checkpoints aside");
  CLI::App* health = app.add_subcommand("health", "whether a daemon on this machine answers: exit code 0 or 1");
  health->add_option("--listen", line.daemon.listen, "where it listens")
      ->check(listen_validator())
      ->capture_default_str()
      ->envname("STREAMFLOW_LISTEN");
  health->add_flag("--ready", line.readiness, "also whether all its pipelines have been started");
  CLI::App* schema = app.add_subcommand("schema", "the JSON Schema of pipeline files");
  CLI::App* list = app.add_subcommand("list", "verbs, sources, sinks and functions");
  list->add_option("KIND", line.list_what, "verb, source, sink or function");
  list->add_option("NAME", line.list_name, "one of them");
  CLI::App* version = app.add_subcommand("version", "the version");

  try {
    if (argc > 1 && std::string_view(argv[1]) == "eval") {
      std::vector<std::string> arguments = order_eval_arguments({argv + 2, argv + argc});
      arguments.insert(arguments.begin(), "eval");
      std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
      app.parse(std::move(arguments));
    } else {
      app.parse(argc, argv);
    }
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  if (*check) return run_check(line.paths, line.syntax, line.against_running ? line.daemon.listen : "");
  if (*test) return run_test(line.test);
  if (*explain) return run_explain(line.path);
  if (*replay) return run_replay(line.replay);
  if (*eval) return run_eval(line.eval);
  if (*demo) return line.run_demo();
  if (*state) return run_state(line.path, line.repair);
  if (*health) return run_health(line.daemon.listen, line.readiness);
  if (*schema) return print(json_schema(make_registry()));
  if (*version) return print("streamflowd " STREAMFLOW_VERSION "\n");
  if (*list) {
    const auto text = list_text(make_registry(), line.list_what, line.list_name);
    if (text) return print(*text);
    std::fprintf(stderr, "%s\n", text.error().message.c_str());
    return kUsage;
  }
  if (line.daemon.config.empty()) {
    std::fputs("streamflowd: say what to run: --config FILE, or `demo`; --help says more\n", stderr);
    return kUsage;
  }
  return line.run_daemon();
}

}  // namespace streamflow
