# cmake -C cmake/presets/asan.cmake -S . -B build-asan -G Ninja: memory and undefined behaviour, for all below hub/rpc.
set(COORDHUB_SANITIZE "address,undefined" CACHE STRING "")
