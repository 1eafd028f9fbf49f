#include "web/assets.h"

#include <cstdint>
#include <cstdio>

namespace streamflow::web {
namespace {

// FNV-1a, 64 bits.  The tag only has to differ between two builds of one file, not to resist
// anyone.
std::string make_etag(std::span<const unsigned char> bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3u;
  char text[19];
  std::snprintf(text, sizeof text, "\"%016llx\"", static_cast<unsigned long long>(hash));
  return text;
}

}  // namespace

void AssetTable::add(std::span<const Asset> assets) {
  for (const Asset& asset : assets) {
    const Entry entry{asset, make_etag(asset.gzip)};
    entries_.insert_or_assign(std::string(asset.path), entry);
    if (asset.path == "/index.html") entries_.insert_or_assign("/", entry);
  }
}

const AssetTable::Entry* AssetTable::find(std::string_view path) const {
  const auto it = entries_.find(std::string(path));
  return it == entries_.end() ? nullptr : &it->second;
}

// RFC 9110, 13.1.2: a list of tags or "*", compared weakly.  A tag is quoted, so finding it whole
// is enough.
bool etag_matches(std::string_view if_none_match, std::string_view etag) {
  return if_none_match == "*" || if_none_match.find(etag) != std::string_view::npos;
}

}  // namespace streamflow::web
