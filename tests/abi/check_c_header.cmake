# SPDX-License-Identifier: Apache-2.0
# cmake -D PRINTER=... -D CXX=... -D ABI=... -D OUT=... -P check_c_header.cmake
# Prints the C header and compiles it as C99, C11 and C++17, warnings being errors; then spoils a
# size, an offset and a register and expects each of them to be refused. Its comments must name things
# as it does.
set(header ${OUT}/tandem_registers.h)
file(MAKE_DIRECTORY ${OUT})
execute_process(COMMAND ${PRINTER} c-header OUTPUT_FILE ${header} COMMAND_ERROR_IS_FATAL ANY)
find_program(CC NAMES gcc cc REQUIRED)

# Sets `accepted`, and `text` to what the compiler said.
function(compile compiler standard source)
  execute_process(COMMAND ${compiler} ${standard} -Wall -Wextra -Wpedantic -Werror -fsyntax-only
                          -I ${OUT} -I ${ABI} ${CMAKE_CURRENT_LIST_DIR}/${source}
                  RESULT_VARIABLE code ERROR_VARIABLE text)
  if(code EQUAL 0)
    set(accepted TRUE PARENT_SCOPE)
  else()
    set(accepted FALSE PARENT_SCOPE)
  endif()
  set(text "${text}" PARENT_SCOPE)
endfunction()

function(expect_accepted)
  compile(${ARGN})
  if(NOT accepted)
    message(FATAL_ERROR "${ARGN}:\n${text}")
  endif()
endfunction()

function(expect_refused from to)
  string(REPLACE "${from}" "${to}" spoilt "${good}")
  if(spoilt STREQUAL good)
    message(FATAL_ERROR "the header has no '${from}'")
  endif()
  file(WRITE ${header} "${spoilt}")
  compile(${ARGN})
  if(accepted)
    message(FATAL_ERROR "${ARGN} accepted '${to}' instead of '${from}'")
  endif()
endfunction()

expect_accepted(${CC} -std=c99 header_in_c.c)
expect_accepted(${CC} -std=c11 header_in_c.c)
expect_accepted(${CXX} -std=c++17 header_agrees.cpp)

file(READ ${header} good)
string(REGEX MATCH "[^\n]*([^A-Za-z_]k[A-Z][a-z]|::|[^A-Za-z_](NormKind|RowMode|TableScope|BootInfo|EndReport|VerifyResult)[^A-Za-z_])[^\n]*" foreign "${good}")
if(foreign)
  message(FATAL_ERROR "the header has a name of C++: ${foreign}")
endif()
if(NOT good MATCHES "abi_version; /\\* TANDEM_ABI_VERSION \\*/" OR
   NOT good MATCHES "flags; /\\* TANDEM_COMMAND_\\.\\.\\. bits \\*/" OR
   NOT good MATCHES "opcode; /\\* enum tandem_opcode \\*/")
  message(FATAL_ERROR "comments of the header do not name its constants and enumerations")
endif()
foreach(standard -std=c99 -std=c11)
  expect_refused("sizeof(tandem_command) == 64" "sizeof(tandem_command) == 65"
                 ${CC} ${standard} header_in_c.c)
  expect_refused("offsetof(tandem_record, tokens) == 48" "offsetof(tandem_record, tokens) == 44"
                 ${CC} ${standard} header_in_c.c)
endforeach()
expect_refused("TANDEM_NPU_CONTROL 0x10u" "TANDEM_NPU_CONTROL 0x14u"
               ${CXX} -std=c++17 header_agrees.cpp)
file(WRITE ${header} "${good}")
