# cmake -C cmake/presets/tsan.cmake -S . -B build-tsan -G Ninja: data races, for all below hub/rpc. Above it the sanitizer
# is blind: Debian's gRPC and Abseil are not instrumented.
set(COORDHUB_SANITIZE "thread" CACHE STRING "")
