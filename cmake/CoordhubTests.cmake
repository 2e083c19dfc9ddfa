# How tests are declared. One binary is one ctest entry: listing hundreds of cases one by one would cost more than
# running them, and googletest names the case that failed.
#
# Labels that mean something to tests/run:
#   below_rpc  also built and run under the sanitizers
#   mutant     only in the mutants build
#   long       only with `tests/run --long`

add_custom_target(below_rpc_tests)
add_custom_target(mutant_tests)

# What every test may rely on.
function(coordhub_test_environment test)
  set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT
    "COORDHUB_SOURCE_DIR=${PROJECT_SOURCE_DIR}" "COORDHUB_BINARY_DIR=${PROJECT_BINARY_DIR}"
    "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
    "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/tools/lsan.supp:print_suppressions=0"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "TSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/tests/tools/tsan.supp:halt_on_error=1")
endfunction()

# coordhub_test(NAME core_test SRCS … DEPS … [LABELS …] [TIMEOUT s] [ARGS …] [ENV K=V …]
#               [BELOW_RPC] [NO_MAIN] [SERIAL])
#
# A googletest binary (matchers of gmock included). BELOW_RPC: nothing it links uses gRPC, so it also runs under the
# sanitizers. NO_MAIN: it brings its own main(). SERIAL: nothing else runs meanwhile. TIMEOUT defaults to 120 seconds.
function(coordhub_test)
  cmake_parse_arguments(ARG "BELOW_RPC;NO_MAIN;SERIAL" "NAME;TIMEOUT" "SRCS;DEPS;LABELS;ARGS;ENV" ${ARGN})
  coordhub_require_args("coordhub_test(${ARG_NAME})" NAME)
  coordhub_missing(missing ${ARG_SRCS} ${ARG_DEPS})
  if(missing)
    return()
  endif()
  add_executable(${ARG_NAME} ${ARG_SRCS})
  target_include_directories(${ARG_NAME} PRIVATE "${PROJECT_SOURCE_DIR}")
  set(main GTest::gtest_main)
  if(ARG_NO_MAIN)
    set(main "")
  endif()
  target_link_libraries(${ARG_NAME} PRIVATE coordhub_options ${ARG_DEPS} ${main} GTest::gmock GTest::gtest)
  coordhub_check_deps(${ARG_NAME} 100 ${ARG_DEPS})
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_NAME} --gtest_brief=1 ${ARG_ARGS})
  coordhub_test_environment(${ARG_NAME})
  if(ARG_BELOW_RPC)
    get_target_property(uses_grpc ${ARG_NAME} COORDHUB_USES_GRPC)
    if(uses_grpc)
      message(FATAL_ERROR "${ARG_NAME} says BELOW_RPC, but something that it links uses gRPC")
    endif()
    list(APPEND ARG_LABELS below_rpc)
    add_dependencies(below_rpc_tests ${ARG_NAME})
  endif()
  coordhub_test_properties(${ARG_NAME} "${ARG_TIMEOUT}" "${ARG_SERIAL}" "${ARG_LABELS}" "${ARG_ENV}")
endfunction()

# coordhub_script_test(NAME quickstart_test COMMAND tests/e2e/quickstart … [LABELS …] [TIMEOUT s] [ENV K=V …] [SERIAL])
#
# Any program as a test; 77 as its exit status means "skipped", as does a skipped case of googletest or unittest. It finds the built programs in $COORDHUB_BINARY_DIR/bin.
function(coordhub_script_test)
  cmake_parse_arguments(ARG "SERIAL" "NAME;TIMEOUT" "COMMAND;LABELS;ENV" ${ARGN})
  coordhub_require_args("coordhub_script_test(${ARG_NAME})" NAME COMMAND)
  add_test(NAME ${ARG_NAME} COMMAND ${ARG_COMMAND} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  coordhub_test_environment(${ARG_NAME})
  set_tests_properties(${ARG_NAME} PROPERTIES SKIP_RETURN_CODE 77)
  coordhub_test_properties(${ARG_NAME} "${ARG_TIMEOUT}" "${ARG_SERIAL}" "${ARG_LABELS}" "${ARG_ENV}")
endfunction()

# coordhub_mutant(NAME ack_before_commit BINARY engine_test CASE Suite.Case [TIMEOUT s])
# coordhub_mutant(NAME ack_before_commit COMMAND … [AS name] [TIMEOUT s])
#
# Shows that a deliberate fault is caught: the named case passes without the fault and fails, by its own assertions, with
# COORDHUB_MUTANT=<name>. AS: the name of the check, where a fault is caught by more than one. Exists only in the mutants
# build.
function(coordhub_mutant)
  cmake_parse_arguments(ARG "" "NAME;AS;BINARY;CASE;TIMEOUT" "COMMAND" ${ARGN})
  coordhub_require_args("coordhub_mutant(${ARG_NAME})" NAME)
  if(NOT COORDHUB_MUTANTS)
    return()
  endif()
  set(test mutant.${ARG_NAME})
  if(ARG_AS)
    set(test mutant.${ARG_NAME}.${ARG_AS})
  endif()
  set(check "${Python3_EXECUTABLE}" "${PROJECT_SOURCE_DIR}/tests/tools/check_mutant" ${ARG_NAME})
  if(ARG_BINARY)
    coordhub_require_args("coordhub_mutant(${ARG_NAME})" CASE)
    list(APPEND check --case ${ARG_CASE} -- $<TARGET_FILE:${ARG_BINARY}>)
    add_dependencies(mutant_tests ${ARG_BINARY})
  else()
    coordhub_require_args("coordhub_mutant(${ARG_NAME})" COMMAND)
    list(APPEND check -- ${ARG_COMMAND})
    add_dependencies(mutant_tests coordhub_code)
  endif()
  add_test(NAME ${test} COMMAND ${check} WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  coordhub_test_environment(${test})
  coordhub_test_properties(${test} "${ARG_TIMEOUT}" "" "mutant" "")
endfunction()

function(coordhub_test_properties test timeout serial labels environment)
  if(NOT timeout)
    set(timeout 120)
  endif()
  if(COORDHUB_SANITIZE)
    math(EXPR timeout "${timeout} * 5")
  endif()
  # A binary of which some cases were skipped, by googletest or unittest, is one that did not run.
  set_tests_properties(${test} PROPERTIES TIMEOUT ${timeout}
                       SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\];OK \\(skipped=")
  if(serial)
    set_tests_properties(${test} PROPERTIES RUN_SERIAL ON)
  endif()
  set_property(TEST ${test} APPEND PROPERTY LABELS ${labels})
  set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT ${environment})
endfunction()
