# SPDX-License-Identifier: Apache-2.0
# Compiles every source of the firmware for RISC-V without an operating system, links the objects,
# and checks that nothing is missing, that there are no mutable globals and no floating point.
cmake_minimum_required(VERSION 3.25)
string(REPLACE "|" ";" SOURCES "${SOURCES}")
set(flags -std=c++17 -O2 -ffreestanding -fno-exceptions -fno-rtti -nostdlib -fno-pic -no-pie
          -mcmodel=medany -Wall -Wextra -Werror -I${FIRMWARE} -I${FIRMWARE}/include -I${ABI})
set(linked ${OUT}/firmware.o)
file(REMOVE_RECURSE ${OUT})
file(MAKE_DIRECTORY ${OUT})

set(objects)
foreach(source IN LISTS SOURCES)
  string(REPLACE "/" "_" object ${source})
  set(object ${OUT}/${object}.o)
  execute_process(COMMAND ${CXX} ${flags} -c ${FIRMWARE}/${source} -o ${object}
                  COMMAND_ERROR_IS_FATAL ANY)
  list(APPEND objects ${object})
endforeach()
execute_process(COMMAND ${CXX} -nostdlib -no-pie -r ${objects} -o ${linked}
                COMMAND_ERROR_IS_FATAL ANY)

function(lines_of output)
  execute_process(COMMAND ${ARGN} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  string(REPLACE ";" "," text "${text}")
  string(REGEX REPLACE "\r?\n" ";" text "${text}")
  set(${output} "${text}" PARENT_SCOPE)
endfunction()

set(faults 0)
function(fault text)
  message("${text}")
  math(EXPR faults "${faults} + 1")
  set(faults ${faults} PARENT_SCOPE)
endfunction()

lines_of(undefined ${NM} -u ${linked})
foreach(line IN LISTS undefined)
  string(STRIP "${line}" line)
  if(line AND NOT line MATCHES "^U (memcpy|memset|memmove|memcmp)$")
    fault("undefined symbol: ${line}")
  endif()
endforeach()

lines_of(symbols ${NM} ${linked})
foreach(line IN LISTS symbols)
  if(line MATCHES " [bBdDsSC] ")
    fault("mutable global: ${line}")
  endif()
endforeach()

# fld, fadd.s, flw, fcvt.d.w, fmv.x.d and so on, but not fence.
lines_of(code ${OBJDUMP} -d --no-show-raw-insn ${linked})
foreach(line IN LISTS code)
  if(line MATCHES "^ *[0-9a-f]+:[ \t]+(c\\.)?f[a-z]" AND NOT line MATCHES "[ \t]fence")
    fault("floating point: ${line}")
  endif()
endforeach()

list(LENGTH SOURCES count)
if(faults GREATER 0)
  message(FATAL_ERROR "${faults} faults in ${count} sources")
endif()
message("${count} sources are freestanding")
