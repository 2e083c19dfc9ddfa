// What the hub's program is with another command, for tests of what needs it.

#include "hub/operations/gate_supervisor.h"

int main(int argc, char** argv) {
  // Behind the command's name.
  return argc < 2 ? 1 : coordhub::operations::SuperviseGate({argv + 2, argv + argc});
}
