// `POST /api/v1/reload`: SIGHUP for those who have no signals.  Any body; answers once the reload is done, with
// 200 or, where the files have mistakes, with 422 and what `check` says.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/ingest.h"
#include "core/loop.h"

namespace streamflow {

class ReloadEndpoint {
 public:
  // `reload` is called on the loop; it returns the problems, empty where all went well.
  ReloadEndpoint(Ingest& ingest, Loop& loop, std::function<std::string()> reload);
  ~ReloadEndpoint();
  ReloadEndpoint(const ReloadEndpoint&) = delete;
  ReloadEndpoint& operator=(const ReloadEndpoint&) = delete;

 private:
  class Receiver;
  Ingest& ingest_;
  std::shared_ptr<Receiver> receiver_;
};

}  // namespace streamflow
