# The only ways in which this project makes a target. Each states its height (LAYER) and what it stands on (DEPS); a
# dependency that is not strictly lower stops the configure step. tests/tools/check_layers checks the same of includes.

# All libraries and programs, without the tests.
add_custom_target(coordhub_code)

# A build that breaks a wall fails, whichever compiler would have accepted it.
add_custom_target(coordhub_check_layers ALL
  COMMAND "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tests/tools/check_layers"
          --root "${PROJECT_SOURCE_DIR}"
  COMMENT "Checking that includes point down" VERBATIM)

# Refuses dependencies of `target` that are not lower than `layer`, and records whether gRPC is among what it stands on.
function(coordhub_check_deps target layer)
  set(uses_grpc FALSE)
  foreach(dep IN LISTS ARGN)
    if(dep MATCHES "^gRPC::")
      set(uses_grpc TRUE)
    elseif(dep MATCHES "^coordhub(::|_)(.+)$")
      if(NOT TARGET ${dep})
        message(FATAL_ERROR "${target} depends on ${dep}, which does not exist below it")
      endif()
      get_target_property(height ${dep} COORDHUB_LAYER)
      if(NOT height LESS layer)
        message(FATAL_ERROR
          "${target} (layer ${layer}) may not depend on ${dep} (layer ${height}): dependencies point down")
      endif()
      get_target_property(dep_uses_grpc ${dep} COORDHUB_USES_GRPC)
      if(dep_uses_grpc)
        set(uses_grpc TRUE)
      endif()
    endif()
  endforeach()
  set_target_properties(${target} PROPERTIES COORDHUB_LAYER ${layer} COORDHUB_USES_GRPC ${uses_grpc})
endfunction()

# Refuses a misspelt or missing argument: `where` names the call.
function(coordhub_require_args where)
  if(ARG_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${where}: unknown arguments: ${ARG_UNPARSED_ARGUMENTS}")
  endif()
  foreach(name IN LISTS ARGN)
    if("${ARG_${name}}" STREQUAL "")
      message(FATAL_ERROR "${where}: ${name} is missing")
    endif()
  endforeach()
endfunction()

# While folders are still being written: with COORDHUB_PARTIAL, a target whose files or dependencies do not exist yet is
# left out with a warning. Sets `out` to what is missing.
option(COORDHUB_PARTIAL "Leave out targets that are not complete yet" OFF)
mark_as_advanced(COORDHUB_PARTIAL)
function(coordhub_missing out)
  set(missing "")
  foreach(item IN LISTS ARGN)
    if(item MATCHES "^coordhub::")
      if(NOT TARGET ${item})
        list(APPEND missing ${item})
      endif()
    elseif(NOT item MATCHES "::" AND NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${item}" AND NOT EXISTS "${item}")
      list(APPEND missing ${item})
    endif()
  endforeach()
  if(missing AND COORDHUB_PARTIAL)
    message(WARNING "left out ${CMAKE_CURRENT_SOURCE_DIR}: missing ${missing}")
    set(${out} ${missing} PARENT_SCOPE)
  endif()
endfunction()

# coordhub_library(NAME core LAYER 2 SRCS … HDRS … DEPS … [PRIVATE_DEPS …] [INSTALL])
#
# Target coordhub_core, alias coordhub::core. SRCS and HDRS are relative to the calling folder; includes are relative to
# the root. INSTALL makes it part of the client package: then all it depends on must be, too.
function(coordhub_library)
  cmake_parse_arguments(ARG "INSTALL" "NAME;LAYER" "SRCS;HDRS;DEPS;PRIVATE_DEPS" ${ARGN})
  coordhub_require_args("coordhub_library(${ARG_NAME})" NAME LAYER)
  coordhub_missing(missing ${ARG_SRCS} ${ARG_HDRS} ${ARG_DEPS} ${ARG_PRIVATE_DEPS})
  if(missing)
    return()
  endif()
  set(target coordhub_${ARG_NAME})
  if(ARG_SRCS)
    set(scope PUBLIC)
    add_library(${target} STATIC ${ARG_SRCS})
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:coordhub_options> ${ARG_PRIVATE_DEPS})
  else()
    set(scope INTERFACE)
    add_library(${target} INTERFACE)
  endif()
  add_library(coordhub::${ARG_NAME} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${ARG_NAME})
  target_compile_features(${target} ${scope} cxx_std_20)
  target_sources(${target} ${scope}
    FILE_SET HEADERS BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${ARG_HDRS})
  target_link_libraries(${target} ${scope} ${ARG_DEPS})
  coordhub_check_deps(${target} ${ARG_LAYER} ${ARG_DEPS} ${ARG_PRIVATE_DEPS})
  add_dependencies(coordhub_code ${target})
  if(ARG_INSTALL)
    set_property(GLOBAL APPEND PROPERTY COORDHUB_INSTALLED_LIBRARIES ${target})
  endif()
endfunction()

# coordhub_executable(NAME coordctl LAYER 8 SRCS … DEPS … [INSTALL])
#
# The target has the program's name and is built into <build>/bin.
function(coordhub_executable)
  cmake_parse_arguments(ARG "INSTALL" "NAME;LAYER" "SRCS;DEPS" ${ARGN})
  coordhub_require_args("coordhub_executable(${ARG_NAME})" NAME LAYER SRCS)
  coordhub_missing(missing ${ARG_SRCS} ${ARG_DEPS})
  if(missing)
    return()
  endif()
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_include_directories(${ARG_NAME} PRIVATE "${PROJECT_SOURCE_DIR}")
  target_link_libraries(${ARG_NAME} PRIVATE coordhub_options ${ARG_DEPS})
  set_target_properties(${ARG_NAME} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  coordhub_check_deps(${ARG_NAME} ${ARG_LAYER} ${ARG_DEPS})
  add_dependencies(coordhub_code ${ARG_NAME})
  if(ARG_INSTALL)
    install(TARGETS ${ARG_NAME} RUNTIME COMPONENT programs)
  endif()
endfunction()
