# What we stand on, as Debian 12 ships it (`deploy/setup` installs it). The same list, less what only the hub or the
# tests need, is in coordhubConfig.cmake.in for projects that use the installed client.
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl CONFIG REQUIRED)
find_package(gRPC CONFIG REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CLI11 CONFIG REQUIRED)
find_package(nlohmann_json CONFIG REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBGIT2 REQUIRED IMPORTED_TARGET libgit2)  # PkgConfig::LIBGIT2
pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET jemalloc)  # PkgConfig::JEMALLOC, for the hub only
find_package(Python3 REQUIRED COMPONENTS Interpreter)  # the checks in tests/tools
if(BUILD_TESTING)
  find_package(GTest CONFIG REQUIRED)
endif()
