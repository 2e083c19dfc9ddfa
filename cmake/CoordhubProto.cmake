set(COORDHUB_PROTO_OUT "${PROJECT_BINARY_DIR}/proto")

# coordhub_generate(OUT variable FILES a.proto … [GRPC])
#
# C++ sources of .proto files below proto/, generated into <build>/proto under the same relative path: the messages, or
# with GRPC the service stubs. Appends the .cc and .h paths to `variable`.
function(coordhub_generate)
  cmake_parse_arguments(ARG "GRPC" "OUT" "FILES" ${ARGN})
  set(root "${PROJECT_SOURCE_DIR}/proto")
  set(suffix ".pb")
  set(generator "--cpp_out=${COORDHUB_PROTO_OUT}")
  if(ARG_GRPC)
    set(suffix ".grpc.pb")
    set(generator "--grpc_out=${COORDHUB_PROTO_OUT}"
        "--plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>")
  endif()
  set(outputs ${${ARG_OUT}})
  foreach(file IN LISTS ARG_FILES)
    cmake_path(RELATIVE_PATH file BASE_DIRECTORY "${root}" OUTPUT_VARIABLE relative)
    string(REGEX REPLACE "\\.proto$" "${suffix}" stem "${COORDHUB_PROTO_OUT}/${relative}")
    add_custom_command(
      OUTPUT "${stem}.cc" "${stem}.h"
      COMMAND protobuf::protoc "--proto_path=${root}" ${generator} "--dependency_out=${stem}.d"
              "${relative}"
      DEPENDS "${file}"
      DEPFILE "${stem}.d"
      COMMENT "Generating ${relative}${suffix}" VERBATIM)
    list(APPEND outputs "${stem}.cc" "${stem}.h")
  endforeach()
  set(${ARG_OUT} ${outputs} PARENT_SCOPE)
endfunction()

# coordhub_generated_library(NAME proto SRCS … DEPS …): layer 0, compiled without our warnings, headers as system ones.
function(coordhub_generated_library)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  set(target coordhub_${ARG_NAME})
  add_library(${target} STATIC ${ARG_SRCS})
  add_library(coordhub::${ARG_NAME} ALIAS ${target})
  target_compile_options(${target} PRIVATE -w -g0)
  target_include_directories(${target} SYSTEM PUBLIC
    $<BUILD_INTERFACE:${COORDHUB_PROTO_OUT}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/coordhub>)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_link_libraries(${target} PUBLIC ${ARG_DEPS})
  if(COORDHUB_SANITIZE STREQUAL "thread")
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:coordhub_sanitize>)
  endif()
  set_target_properties(${target} PROPERTIES
    EXPORT_NAME ${ARG_NAME} CXX_CLANG_TIDY "" VERIFY_INTERFACE_HEADER_SETS OFF)
  set_property(GLOBAL APPEND PROPERTY COORDHUB_INSTALLED_LIBRARIES ${target})
endfunction()
