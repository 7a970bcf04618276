# SPDX-License-Identifier: Apache-2.0
# One imported target, SystemC::systemc, whatever the machine ships: the CMake package of an
# Accellera build (2.3.x, 3.0.x) or the pkg-config file of Debian's libsystemc-dev.
if(NOT TARGET SystemC::systemc)
  find_package(SystemCLanguage CONFIG QUIET)
endif()
if(NOT TARGET SystemC::systemc)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(systemc REQUIRED IMPORTED_TARGET GLOBAL systemc)
  add_library(SystemC::systemc INTERFACE IMPORTED GLOBAL)
  target_link_libraries(SystemC::systemc INTERFACE PkgConfig::systemc)
endif()
