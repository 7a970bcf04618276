// SPDX-License-Identifier: Apache-2.0
// Prints one format of the contract, for the build and for tests that hand it to other tools.
#include <iostream>

#include "tandem/platform/registers.h"

int main(int argc, char* argv[]) {
  if (argc != 2) return 2;
  return tandem::platform::run_registers(argv[1], std::cout);
}
