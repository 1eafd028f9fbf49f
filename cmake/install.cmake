# What `cmake --install` puts where: the binary, the systemd unit, examples and documentation.
include(GNUInstallDirs)
install(TARGETS streamflowd RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}
  FILES_MATCHING PATTERN "*.md" PATTERN "*.png" PATTERN "*.svg")
install(DIRECTORY configs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)

# The unit names the binary by its whole path, which `--prefix` may change at the last moment.  systemd looks for
# units in /usr/lib and /usr/local/lib, whatever CMAKE_INSTALL_LIBDIR is.
set(unit ${CMAKE_SOURCE_DIR}/systemd/streamflow.service)
set(unit_made ${CMAKE_BINARY_DIR}/streamflow.service)
install(CODE "
  file(READ \"${unit}\" text)
  string(REPLACE \"/usr/bin/\" \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/\" text \"\${text}\")
  string(REPLACE \"/usr/share/doc/streamflow\" \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DOCDIR}\" text \"\${text}\")
  file(WRITE \"${unit_made}\" \"\${text}\")
  file(INSTALL \"${unit_made}\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system\")")
