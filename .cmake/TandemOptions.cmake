# SPDX-License-Identifier: Apache-2.0
option(TANDEM_BUILD_PLATFORM "Build the tandem command (needs yaml-cpp and Boost)" ON)
option(TANDEM_WARNINGS_AS_ERRORS "Turn warnings into errors (on in CI)" OFF)
option(TANDEM_SANITIZE "Build with AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(TANDEM_PRECOMPILE "Precompile the headers of SystemC and Catch2 (a quicker full build)" OFF)

# Debian's libsystemc is built for C++17 exactly; objects of another standard do not link.
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()

find_program(TANDEM_CCACHE ccache)
if(TANDEM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Clones and work trees in different folders share what they compile.
  set(ccache_settings CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1)
  if(TANDEM_PRECOMPILE)
    list(APPEND ccache_settings CCACHE_SLOPPINESS=pch_defines,time_macros)
  endif()
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env ${ccache_settings} ${TANDEM_CCACHE})
endif()

# Same scenario, same bytes, on every machine: no contraction into fused multiply-adds, no
# -ffast-math, no -march=native. Position-independent, so that an integrator may link a module
# into a shared library.
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
add_compile_options(-ffp-contract=off)

add_library(tandem_warnings INTERFACE)
target_compile_options(tandem_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor
  $<$<BOOL:${TANDEM_WARNINGS_AS_ERRORS}>:-Werror>)

if(TANDEM_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()
