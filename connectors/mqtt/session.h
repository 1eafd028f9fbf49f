// What a client keeps over restarts so that the broker recognises it: its client id, and the
// filters that its session subscribes to (those that the pipeline no longer has are unsubscribed
// from). A text file in the state folder, `mqtt-client-id-PIPELINE-NODE`: the id, then a filter a
// line.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace streamflow::mqtt {

struct Session {
  std::string client_id;             // empty: none kept yet
  std::vector<std::string> filters;  // may be empty
};

std::string session_path(const std::string& state_dir, std::string_view pipeline,
                         std::string_view node);

// A missing file is an empty session; one that cannot be read or holds no id is an error.
Result<Session> read_session(const std::string& path);
// Whole or not at all: a new file is synced and renamed over the old one.
Status write_session(const std::string& path, const Session& session);

// "sf" and 20 hexadecimal digits: within the 23 letters and digits that every broker must take.
std::string random_client_id();
// The same id each time on this machine for this pipeline and node: where there is no state folder.
std::string derived_client_id(std::string_view pipeline, std::string_view node);

}  // namespace streamflow::mqtt
