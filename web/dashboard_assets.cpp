#include "web/dashboard_assets.h"

#include <array>

#ifdef STREAMFLOW_HAS_DASHBOARD
// From dashboard_assets.S: the gzipped files, begin and end of each.
extern "C" {
extern const unsigned char asset_index_html[], asset_index_html_end[];
extern const unsigned char asset_app_js[], asset_app_js_end[];
extern const unsigned char asset_app_css[], asset_app_css_end[];
extern const unsigned char asset_theme_js[], asset_theme_js_end[];
extern const unsigned char asset_favicon_svg[], asset_favicon_svg_end[];
}
#endif

namespace streamflow::web {

std::span<const Asset> dashboard_assets() {
#ifdef STREAMFLOW_HAS_DASHBOARD
  static const std::array<Asset, 5> assets = {{
      {"/index.html", "text/html; charset=utf-8", {asset_index_html, asset_index_html_end}},
      {"/app.js", "text/javascript; charset=utf-8", {asset_app_js, asset_app_js_end}},
      {"/app.css", "text/css; charset=utf-8", {asset_app_css, asset_app_css_end}},
      {"/theme.js", "text/javascript; charset=utf-8", {asset_theme_js, asset_theme_js_end}},
      {"/favicon.svg", "image/svg+xml", {asset_favicon_svg, asset_favicon_svg_end}},
  }};
  return assets;
#else
  return {};
#endif
}

}  // namespace streamflow::web
