// The floor for bench/http.py: a bare cpp-httplib server that counts the lines of what is posted, and keeps nothing.
//   bench_http_floor PORT
#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  httplib::Server server;
  server.set_keep_alive_max_count(1'000'000'000);
  server.set_tcp_nodelay(true);
  std::atomic<long> records{0};
  server.Post("/ingest/r", [&records](const httplib::Request& request, httplib::Response& response) {
    const auto lines = std::count(request.body.begin(), request.body.end(), '\n');
    records += lines;
    response.set_content("{\"accepted\":" + std::to_string(lines) + "}\n", "application/json");
  });
  std::puts("ready");
  std::fflush(stdout);
  return server.listen("127.0.0.1", std::atoi(argv[1])) ? 0 : 1;
}
