// A real mosquitto for a test: on a free loopback port, in a folder of its own under the temporary
// directory, ended by its process id.  What the broker keeps is saved in the folder at its end, so
// that `start` after `stop` brings it back.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace streamflow::test {

// A new folder under the temporary directory, removed with all in it at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }
  // Writes a file in it and returns its path.
  std::string write(const std::string& name, const std::string& text) const;

 private:
  std::string path_;
};

// A port of 127.0.0.1 that nobody listened on a moment ago.
uint16_t free_port();

// Runs a program to its end with its output thrown away; its exit status.
int run_program(const std::string& shell_command);

class Mosquitto {
 public:
  // `config`: lines for its configuration.  `{folder}` in it is replaced.  The default listener,
  // and anonymous clients, are there unless the lines say otherwise.
  explicit Mosquitto(const std::string& config = "", const std::string& host = "127.0.0.1");
  ~Mosquitto();

  void start();  // returns once it accepts connections
  void stop();   // as SIGTERM: saves what it keeps
  void kill();   // as a crash
  bool running() const { return pid_ != 0; }
  uint16_t port() const { return port_; }
  const std::string& folder() const { return folder_.path(); }
  // `mqtt://127.0.0.1:PORT`, and after it a topic.
  std::string address(const std::string& topic = "") const;

  // Publishes with mosquitto_pub, in MQTT 3.1.1: `payloads` one a line.  True when all were
  // confirmed.
  bool publish(const std::string& topic, const std::string& payloads, int qos = 1,
               const std::string& options = "") const;
  std::string log() const;

 private:
  void end(int signal);

  TemporaryFolder folder_;
  std::string host_;
  uint16_t port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace streamflow::test
