# How our own code is compiled: language, warnings, sanitizers, mutants, compiler cache.
#
# Everything specific to our code hangs on the target `coordhub_options`, which is never exported and never applied to
# generated code. CMAKE_CXX_FLAGS stays alone, so generated code is compiled the same way in every build directory
# and the compiler cache serves all of them from one compilation.

set(COORDHUB_SANITIZE "" CACHE STRING "Sanitizers: empty, 'address,undefined' or 'thread'")
set_property(CACHE COORDHUB_SANITIZE PROPERTY STRINGS "" "address,undefined" "thread")
option(COORDHUB_MUTANTS "Compile in the deliberate faults that the mutant tests switch on" OFF)
option(COORDHUB_CCACHE "Compile through ccache where it is installed" ON)

if(NOT COORDHUB_SANITIZE MATCHES "^(|address|undefined|address,undefined|thread)$")
  message(FATAL_ERROR "COORDHUB_SANITIZE is '${COORDHUB_SANITIZE}'; "
                      "it must be empty, 'address,undefined' or 'thread'")
endif()

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Kind of build" FORCE)
endif()
# No -DNDEBUG: a broken assertion stops the hub instead of spoiling its journal.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1" CACHE STRING "" FORCE)
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1" CACHE STRING "" FORCE)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(COORDHUB_CCACHE)
  find_program(CCACHE_PROGRAM ccache)
  mark_as_advanced(CCACHE_PROGRAM)
  if(CCACHE_PROGRAM)
    # Paths below the source tree are hashed as relative ones: another checkout finds the same entries.
    set(coordhub_launcher env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1
        "${CCACHE_PROGRAM}")
    set(CMAKE_CXX_COMPILER_LAUNCHER ${coordhub_launcher})
    set(CMAKE_C_COMPILER_LAUNCHER ${coordhub_launcher})
  endif()
endif()

add_library(coordhub_options INTERFACE)
target_compile_options(coordhub_options INTERFACE
  -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual
  -Wno-missing-field-initializers  # designated initialisers name what they set
  -Werror)
target_compile_definitions(coordhub_options INTERFACE "COORDHUB_VERSION=\"${PROJECT_VERSION}\"")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 reports std::string's own operator+ (GCC bug 105651).
  target_compile_options(coordhub_options INTERFACE -Wno-restrict)
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(coordhub_options INTERFACE -Wthread-safety)
endif()
if(COORDHUB_MUTANTS)
  target_compile_definitions(coordhub_options INTERFACE COORDHUB_MUTANTS=1)
endif()

# Sanitizers stand apart, because the thread sanitizer has to see generated code too: its inline functions run in ours.
add_library(coordhub_sanitize INTERFACE)
if(COORDHUB_SANITIZE)
  target_compile_options(coordhub_sanitize INTERFACE
    -fsanitize=${COORDHUB_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -O1
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)  # false alarms under instrumentation
  target_link_options(coordhub_sanitize INTERFACE -fsanitize=${COORDHUB_SANITIZE})
endif()
target_link_libraries(coordhub_options INTERFACE coordhub_sanitize)
