// SPDX-License-Identifier: Apache-2.0
// Only its precompiled headers matter: CMake writes them for a program that has a source of its
// own.
#include <systemc>

int sc_main(int, char*[]) {
  return 0;
}
