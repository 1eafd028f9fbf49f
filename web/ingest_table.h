// Which paths take records, and from whom.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/ingest.h"
#include "web/request_gate.h"

namespace streamflow::web {

// Filled by the sources of the daemon's thread, read by the server's.
class IngestTable final : public Ingest {
 public:
  struct Found {
    bool known = false;                        // a source of this path exists
    std::shared_ptr<IngestReceiver> receiver;  // null while it does not run
  };

  void expect(const std::string& path) override;
  void forget(const std::string& path) override;
  bool open(const std::string& path, std::shared_ptr<IngestReceiver> receiver) override;
  void close(const std::string& path, const IngestReceiver& receiver) override;

  Found find(std::string_view path) const;
  std::vector<std::string> paths() const;

 private:
  struct Entry {
    std::size_t sources = 0;
    std::shared_ptr<IngestReceiver> receiver;
  };

  mutable std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;
};

// The target without its query.
std::string_view path_of(const RequestHead& head);

// Before the body is read: refuses what a known path does not take now, else sets the body's limit.
Refusal check_ingest(const IngestTable::Found& found, RequestHead& head);

// Where no source is: names the nearest path.
Refusal no_such_path(const IngestTable& table, std::string_view path);

}  // namespace streamflow::web
