// The dashboard's files, compressed when the program was built and served as they are.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

namespace streamflow::web {

// All views point to memory that lives as long as the program.
struct Asset {
  std::string_view path;  // "/index.html", "/app.js"
  std::string_view content_type;
  std::span<const unsigned char> gzip;
};

// Finds assets by path.  "/" is "/index.html".  Filled before the server starts, then only read.
class AssetTable {
 public:
  struct Entry {
    Asset asset;
    std::string etag;  // strong: made from the compressed bytes
  };

  void add(std::span<const Asset> assets);
  const Entry* find(std::string_view path) const;  // nullptr: none

 private:
  std::unordered_map<std::string, Entry> entries_;
};

// Does this If-None-Match name the entity tag?
bool etag_matches(std::string_view if_none_match, std::string_view etag);

}  // namespace streamflow::web
