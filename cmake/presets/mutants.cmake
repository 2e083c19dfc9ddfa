# cmake -C cmake/presets/mutants.cmake -S . -B build-mutants -G Ninja: with the deliberate faults that COORDHUB_MUTANT names.
set(COORDHUB_MUTANTS ON CACHE BOOL "")
