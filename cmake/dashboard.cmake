# Builds web/dashboard with npm and embeds the files, gzipped, in the daemon (web/dashboard_assets.h).
set(dashboard ${CMAKE_SOURCE_DIR}/web/dashboard)
set(assets ${CMAKE_BINARY_DIR}/assets)
file(MAKE_DIRECTORY ${assets})
find_program(NPM npm)
if(STREAMFLOW_DASHBOARD AND NOT NPM)
  message(WARNING "npm was not found: the daemon is built without its dashboard "
    "(install nodejs and npm, or set STREAMFLOW_DASHBOARD=OFF to silence this)")
endif()
if(STREAMFLOW_DASHBOARD AND NPM)
  file(GLOB_RECURSE dashboard_sources CONFIGURE_DEPENDS ${dashboard}/src/* ${dashboard}/*.mjs
    ${dashboard}/package-lock.json)
  list(FILTER dashboard_sources EXCLUDE REGEX "/(node_modules|dist)/")
  add_custom_command(OUTPUT ${assets}/npm.stamp
    COMMAND ${NPM} ci --no-audit --no-fund --loglevel=error
    COMMAND ${CMAKE_COMMAND} -E touch ${assets}/npm.stamp
    WORKING_DIRECTORY ${dashboard} DEPENDS ${dashboard}/package-lock.json VERBATIM
    COMMENT "Installing the dashboard's packages")
  set(names index.html app.js app.css theme.js favicon.svg)
  set(packed)
  foreach(name ${names})
    list(APPEND packed ${assets}/${name}.gz)
  endforeach()
  add_custom_command(OUTPUT ${packed}
    COMMAND ${NPM} run --silent build
    COMMAND ${CMAKE_COMMAND} -DDIST=${dashboard}/dist -DOUT=${assets} "-DNAMES=${names}"
            -P ${CMAKE_SOURCE_DIR}/cmake/pack.cmake
    WORKING_DIRECTORY ${dashboard} DEPENDS ${assets}/npm.stamp ${dashboard_sources} VERBATIM
    COMMENT "Building the dashboard")
  set_source_files_properties(${CMAKE_SOURCE_DIR}/web/dashboard_assets.S PROPERTIES
    OBJECT_DEPENDS "${packed}" INCLUDE_DIRECTORIES "${assets}")
  target_sources(streamflow_web PRIVATE ${CMAKE_SOURCE_DIR}/web/dashboard_assets.S)
  set_property(SOURCE ${CMAKE_SOURCE_DIR}/web/dashboard_assets.cpp APPEND PROPERTY COMPILE_DEFINITIONS
    STREAMFLOW_HAS_DASHBOARD=1)
endif()
