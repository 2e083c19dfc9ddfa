# gRPC, Protocol Buffers and Abseil are linked from the archives that their packages bring beside the shared libraries.
#
# They call each other in every step of an RPC; and a program of theirs loads some fifty libraries before it begins:
# hub/decisions/2026-11-26-rpc-libraries-from-archives.md. All or none: two copies of one library in a process would be
# two sets of its globals. Sanitizers name libraries in their lists of exceptions, so they keep the shared ones.
option(COORDHUB_ARCHIVES "Link gRPC, Protocol Buffers and Abseil statically, where all have archives" ON)

# Finds, in `out`, the pairs of target and archive; empty when one of the libraries has none.
function(coordhub_find_archives out)
  get_property(targets DIRECTORY PROPERTY IMPORTED_TARGETS)
  list(FILTER targets INCLUDE REGEX "^(gRPC|absl)::|^protobuf::libprotobuf$")
  set(pairs "")
  foreach(target IN LISTS targets)
    foreach(property IN ITEMS IMPORTED_LOCATION_NONE IMPORTED_LOCATION)
      get_target_property(location ${target} ${property})
      if(NOT location MATCHES "\\.so[.0-9]*$")
        continue()
      endif()
      string(REGEX REPLACE "\\.so[.0-9]*$" ".a" archive "${location}")
      if(NOT EXISTS "${archive}")
        message(STATUS "Shared gRPC, Protocol Buffers and Abseil: there is no ${archive}")
        set(${out} "" PARENT_SCOPE)
        return()
      endif()
      list(APPEND pairs "${target}=${property}=${archive}")
    endforeach()
  endforeach()
  set(${out} ${pairs} PARENT_SCOPE)
endfunction()

if(COORDHUB_ARCHIVES AND NOT COORDHUB_SANITIZE)
  coordhub_find_archives(pairs)
  foreach(pair IN LISTS pairs)
    string(REPLACE "=" ";" parts "${pair}")
    list(GET parts 0 target)
    list(GET parts 1 property)
    list(GET parts 2 archive)
    set_target_properties(${target} PROPERTIES ${property} "${archive}")
  endforeach()
  unset(pairs)
endif()
