# SPDX-License-Identifier: Apache-2.0
# `cmake --install` and find_package(Tandem), and the test that proves them: tests/consumer, a
# project of its own, is built against a fresh installation and run.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/Tandem)
configure_package_config_file(.cmake/TandemConfig.cmake.in ${CMAKE_BINARY_DIR}/TandemConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/TandemConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(EXPORT TandemTargets NAMESPACE tandem:: DESTINATION ${package_dir})
install(FILES ${CMAKE_BINARY_DIR}/TandemConfig.cmake ${CMAKE_BINARY_DIR}/TandemConfigVersion.cmake
              .cmake/TandemSystemC.cmake
        DESTINATION ${package_dir})
install(DIRECTORY scenarios/hardware/devices/ DESTINATION ${CMAKE_INSTALL_DATADIR}/tandem/devices)
install(FILES scenarios/models/presets.csv scenarios/models/presets.SOURCE.md
        DESTINATION ${CMAKE_INSTALL_DATADIR}/tandem/models)

if(BUILD_TESTING)
  add_test(NAME consumer
    COMMAND ${CMAKE_COMMAND}
      -D BUILD_DIR=${CMAKE_BINARY_DIR} -D SOURCE_DIR=${CMAKE_SOURCE_DIR}
      -D GENERATOR=${CMAKE_GENERATOR} -D CXX_COMPILER=${CMAKE_CXX_COMPILER}
      -D SANITIZE=${TANDEM_SANITIZE}
      -P ${CMAKE_SOURCE_DIR}/tests/consumer/build_and_run.cmake)
  set_tests_properties(consumer PROPERTIES TIMEOUT 300)
endif()
