# SPDX-License-Identifier: Apache-2.0
# tandem_firmware_elf(NAME SOURCES ... [ENTRY function] [INCLUDES folder ...] [DEPENDS file ...])
#   Builds <build>/firmware/NAME.elf for the RISC-V core: freestanding, at fixed addresses, with
#   debug information. ENTRY is the function that gives the app's tandem_firmware; without it the
#   sources have start-up code of their own. Does nothing without the cross compiler. What it is
#   linked of is kept as the global property TANDEM_FIRMWARE_OBJECTS_<NAME>.
find_program(TANDEM_RISCV_CXX riscv64-linux-gnu-g++)
if(NOT TANDEM_RISCV_CXX)
  message(STATUS "No g++-riscv64-linux-gnu: building without firmware for the RISC-V core")
endif()
set(TANDEM_RISCV_SCRIPT ${PROJECT_SOURCE_DIR}/firmware/riscv/board.ld)
set(TANDEM_RISCV_FLAGS
  -march=rv64gc -mabi=lp64d -mcmodel=medany -fno-pic -no-pie -O2 -g -ffreestanding -fno-builtin
  -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-asynchronous-unwind-tables
  -fno-tree-loop-distribute-patterns -ffunction-sections -fdata-sections -nostdlib -Wall -Wextra)

function(tandem_firmware_elf name)
  cmake_parse_arguments(ARG "" "ENTRY" "SOURCES;INCLUDES;DEPENDS" ${ARGN})
  if(NOT TANDEM_RISCV_CXX)
    return()
  endif()
  set(folder ${PROJECT_BINARY_DIR}/firmware)
  set(elf ${folder}/${name}.elf)
  set(flags ${TANDEM_RISCV_FLAGS} -I${PROJECT_SOURCE_DIR}/firmware
            -I${PROJECT_SOURCE_DIR}/firmware/include -I${PROJECT_SOURCE_DIR}/modules/abi/include
            -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
  foreach(include IN LISTS ARG_INCLUDES)
    list(APPEND flags -I${include})
  endforeach()
  if(ARG_ENTRY)
    list(APPEND flags -DTANDEM_FIRMWARE_ENTRY=${ARG_ENTRY})
    list(APPEND ARG_SOURCES riscv/start.S riscv/hal.cpp riscv/main.cpp riscv/memory.cpp)
  endif()
  set(objects)
  foreach(source IN LISTS ARG_SOURCES)
    string(REPLACE "/" "_" object ${source})
    set(object ${folder}/${name}/${object}.o)
    set(language -std=c++17)
    set(compile_flags ${flags})
    if(source MATCHES "\\.S$")
      set(language)
    elseif(source MATCHES "\\.c$")
      set(language -x c -std=c99)
      list(REMOVE_ITEM compile_flags -fno-exceptions -fno-rtti -fno-threadsafe-statics)
    endif()
    add_custom_command(OUTPUT ${object} DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${source} ${ARG_DEPENDS}
      DEPFILE ${object}.d
      COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${TANDEM_RISCV_CXX} ${compile_flags} ${language} -MD -MF
              ${object}.d -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
      COMMENT "Building RISC-V object firmware/${name}/${source}" VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  file(MAKE_DIRECTORY ${folder}/${name})
  add_custom_command(OUTPUT ${elf} DEPENDS ${objects} ${TANDEM_RISCV_SCRIPT}
    COMMAND ${TANDEM_RISCV_CXX} ${TANDEM_RISCV_FLAGS} -static -T ${TANDEM_RISCV_SCRIPT} -Wl,--gc-sections
            -Wl,--build-id=none ${objects} -o ${elf}
    COMMENT "Linking RISC-V firmware ${name}.elf" VERBATIM)
  set_property(GLOBAL PROPERTY TANDEM_FIRMWARE_OBJECTS_${name} ${objects})
  add_custom_target(firmware_${name}_elf ALL DEPENDS ${elf})
  install(FILES ${elf} DESTINATION ${CMAKE_INSTALL_DATADIR}/tandem/firmware)
endfunction()
