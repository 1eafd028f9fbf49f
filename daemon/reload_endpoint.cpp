#include "daemon/reload_endpoint.h"

#include <utility>

namespace streamflow {
namespace {

const std::string kPath = "/api/v1/reload";

}  // namespace

class ReloadEndpoint::Receiver final : public IngestReceiver {
 public:
  Receiver(Loop& loop, std::function<std::string()> reload) : loop_(loop), reload_(std::move(reload)) {}

  IngestReply admit(const IngestHead&) override { return {}; }
  size_t body_bytes_max() const override { return 4096; }
  void receive(IngestRequest request) override {
    const auto answer = std::make_shared<IngestRequest>(std::move(request));
    const bool posted = loop_.post([reload = reload_, answer] {
      IngestReply reply;
      reply.error = reload();
      reply.status = reply.error.empty() ? 200 : 422;
      reply.body = "{\"reloaded\":true}\n";
      answer->answer(std::move(reply));
    });
    if (!posted) answer->answer({.status = 503, .error = "the daemon is stopping"});
  }

 private:
  Loop& loop_;
  std::function<std::string()> reload_;
};

ReloadEndpoint::ReloadEndpoint(Ingest& ingest, Loop& loop, std::function<std::string()> reload)
    : ingest_(ingest), receiver_(std::make_shared<Receiver>(loop, std::move(reload))) {
  ingest_.expect(kPath);
  ingest_.open(kPath, receiver_);
}

ReloadEndpoint::~ReloadEndpoint() {
  ingest_.close(kPath, *receiver_);
  ingest_.forget(kPath);
}

}  // namespace streamflow
