# cmake -C cmake/presets/clang.cmake -S . -B build-clang -G Ninja: the second compiler, for its thread-safety analysis, and
# for compiling each header alone (target all_verify_interface_header_sets). Its objects are not meant to be run.
set(CMAKE_C_COMPILER clang-14 CACHE STRING "")
set(CMAKE_CXX_COMPILER clang++-14 CACHE STRING "")
set(CMAKE_BUILD_TYPE None CACHE STRING "")
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON CACHE BOOL "")
