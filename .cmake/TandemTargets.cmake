# SPDX-License-Identifier: Apache-2.0
# tandem_library(NAME SOURCES ... DEPENDS ...)
#   Declares the library tandem_NAME, alias tandem::NAME, whose public headers lie in
#   <this folder>/include. Without SOURCES it is header-only. Every library is installed.
function(tandem_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
  set(target tandem_${name})
  if(ARG_SOURCES)
    add_library(${target} STATIC ${ARG_SOURCES})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE $<BUILD_INTERFACE:tandem_warnings>)
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(tandem::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} ${scope} cxx_std_17)
  target_include_directories(${target} ${scope}
    $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:include>)
  target_link_libraries(${target} ${scope} ${ARG_DEPENDS})
  install(TARGETS ${target} EXPORT TandemTargets)
  install(DIRECTORY include/ DESTINATION include)
endfunction()

# tandem_test(NAME SOURCES ... DEPENDS ... [LABELS ...])
#   A Catch2 executable whose cases ctest discovers one by one: one process per case, because a
#   SystemC kernel elaborates once per process.
function(tandem_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE tandem_warnings tandem_test_main ${ARG_DEPENDS})
  tandem_precompile(${name} REUSE_FROM tandem_test_headers)
  set(properties TIMEOUT 300)
  if("long" IN_LIST ARG_LABELS)
    set(properties TIMEOUT 3600)
  endif()
  if(ARG_LABELS)
    list(APPEND properties LABELS ${ARG_LABELS})
  endif()
  catch_discover_tests(${name} TEST_PREFIX "${name}: " PROPERTIES ${properties})
endfunction()
