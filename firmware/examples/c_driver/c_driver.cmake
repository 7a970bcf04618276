# SPDX-License-Identifier: Apache-2.0
# The example driver, against the header that the contract exports: as a library for the native
# control processor, and as an ELF for the RISC-V core. Included from firmware/.
enable_language(C)
set(c_driver ${CMAKE_CURRENT_SOURCE_DIR}/examples/c_driver)
set(c_driver_include ${CMAKE_CURRENT_BINARY_DIR}/c_driver)
set(c_driver_sources board.c driver.c mailbox.c programs.c queue.c)
list(TRANSFORM c_driver_sources PREPEND examples/c_driver/)
file(MAKE_DIRECTORY ${c_driver_include})
add_custom_command(OUTPUT ${c_driver_include}/tandem_registers.h
  COMMAND print_registers c-header > ${c_driver_include}/tandem_registers.h
  DEPENDS print_registers VERBATIM)

add_library(tandem_c_driver STATIC EXCLUDE_FROM_ALL
  ${c_driver_sources} ${c_driver_include}/tandem_registers.h)
target_include_directories(tandem_c_driver PUBLIC ${c_driver} ${c_driver_include}
                           ${PROJECT_SOURCE_DIR}/modules/abi/include)
set_target_properties(tandem_c_driver PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF)
target_compile_options(tandem_c_driver PRIVATE -Wall -Wextra -Wpedantic -Werror)

tandem_firmware_elf(c_driver SOURCES ${c_driver_sources} ENTRY tandem_c_driver_firmware
                    INCLUDES ${c_driver} ${c_driver_include}
                    DEPENDS ${c_driver_include}/tandem_registers.h)
