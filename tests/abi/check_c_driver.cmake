# SPDX-License-Identifier: Apache-2.0
# Compiles the example driver as C99 and as C++17, warnings being errors, where it sees the printed
# header and the two plain C headers that say how firmware is run, and nothing else of the project.
file(REMOVE_RECURSE ${OUT})
file(MAKE_DIRECTORY ${OUT}/include/tandem/abi)
execute_process(COMMAND ${PRINTER} c-header OUTPUT_FILE ${OUT}/include/tandem_registers.h
                COMMAND_ERROR_IS_FATAL ANY)
file(COPY ${ABI}/tandem/abi/hal.h ${ABI}/tandem/abi/firmware_entry.h
     DESTINATION ${OUT}/include/tandem/abi)
file(GLOB sources ${DRIVER}/*.c)
if(NOT sources)
  message(FATAL_ERROR "no sources in ${DRIVER}")
endif()
find_program(CC NAMES gcc cc REQUIRED)
set(flags -Wall -Wextra -Wpedantic -Werror -O2 -I ${OUT}/include -c -o /dev/null)
foreach(source IN LISTS sources)
  execute_process(COMMAND ${CC} -std=c99 ${flags} ${source} COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${CXX} -x c++ -std=c++17 ${flags} ${source} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
