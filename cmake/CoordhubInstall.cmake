# The client package: `find_package(coordhub)` gives coordhub::agent and what it stands on. Headers go to
# include/coordhub, so that the includes read the same inside and outside of this project. All of it is the component
# `client`; programs are in `programs`.
include(CMakePackageConfigHelpers)
get_property(installed GLOBAL PROPERTY COORDHUB_INSTALLED_LIBRARIES)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/coordhub")

foreach(target IN LISTS installed)
  get_target_property(header_sets ${target} INTERFACE_HEADER_SETS)
  set(headers "")
  if(header_sets)
    set(headers FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/coordhub" COMPONENT client)
  endif()
  install(TARGETS ${target} EXPORT coordhub_targets ARCHIVE COMPONENT client ${headers})
endforeach()
if(installed)
  install(EXPORT coordhub_targets NAMESPACE coordhub:: FILE coordhubTargets.cmake
          DESTINATION "${package_dir}" COMPONENT client)
  configure_package_config_file(cmake/coordhubConfig.cmake.in
    "${PROJECT_BINARY_DIR}/coordhubConfig.cmake" INSTALL_DESTINATION "${package_dir}")
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/coordhubConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
  install(FILES "${PROJECT_BINARY_DIR}/coordhubConfig.cmake"
                "${PROJECT_BINARY_DIR}/coordhubConfigVersion.cmake"
          DESTINATION "${package_dir}" COMPONENT client)
endif()
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}"
        COMPONENT client)

# What a service manager and coding agents need of it. Under /usr/local, systemd finds the units where they are put.
foreach(manager IN ITEMS system user)
  install(FILES "${PROJECT_SOURCE_DIR}/deploy/systemd/${manager}/coordhub@.service"
          DESTINATION "lib/systemd/${manager}" COMPONENT programs)
endforeach()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/deploy/commands"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/coordhub" COMPONENT programs)
