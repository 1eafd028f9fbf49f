// Records that clients hand in by HTTP: the seam between the server (web/), which knows sockets and
// paths, and sources (connectors/http), which know records.  The daemon gives the sources the
// server's Ingest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace streamflow {

using IngestHeaders = std::vector<std::pair<std::string, std::string>>;  // names in small letters

struct IngestReply {
  int status = 200;
  std::string error;           // why it was not taken; empty with 200
  uint64_t records = 0;        // with 200: how many the body held
  bool repeated = false;       // with 200: they had been taken before (Idempotency-Key)
  unsigned retry_after_s = 0;  // 0: nothing is said
  std::string body = {};       // with 200: JSON that is sent instead of the number of records
};

// What comes with a body.
struct IngestHead {
  std::string content_type;
  std::string authorization;
  IngestHeaders headers;  // those that the server does not interpret
};

struct IngestRequest {
  IngestHead head;
  std::string body;
  // To be called once, by any thread.  The server does without it after a while and answers 503.
  std::function<void(IngestReply)> answer;
};

// One path's end.  Called on the server's thread, until Ingest::close has returned.
class IngestReceiver {
 public:
  virtual ~IngestReceiver() = default;
  // Before the body is read; anything but status 200 refuses the request and ends the connection.
  virtual IngestReply admit(const IngestHead& head) = 0;
  // Never blocks: hands over, or answers at once.
  virtual void receive(IngestRequest request) = 0;
  virtual size_t body_bytes_max() const = 0;
};

// The paths.  Any thread.
class Ingest {
 public:
  virtual ~Ingest() = default;
  // A source of this path exists, whether it runs or not: requests for it get 503 while it does not
  // and not 404.  Counted: one `forget` for each `expect`.
  virtual void expect(const std::string& path) = 0;
  virtual void forget(const std::string& path) = 0;
  // From now on requests go to `receiver`.  False: another one has the path still.
  virtual bool open(const std::string& path, std::shared_ptr<IngestReceiver> receiver) = 0;
  virtual void close(const std::string& path, const IngestReceiver& receiver) = 0;
};

}  // namespace streamflow
