# SPDX-License-Identifier: Apache-2.0
# What a user hears from `tandem run SCENARIO`, with `options`, and what is left in the folder WORK, which is emptied
# first.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

set(options --set workload.max_tokens=8)

# run(NAME CODE TEXT [OPTION...]): results go to WORK/NAME; the exit code is CODE, and TEXT is part of
# what is written to the standard error.
function(run name expected_code expected_text)
  execute_process(COMMAND ${TANDEM} run ${SCENARIO} --no-progress --quiet --out ${name}
                          ${options} ${ARGN}
                  WORKING_DIRECTORY ${WORK} RESULT_VARIABLE code ERROR_VARIABLE text
                  OUTPUT_QUIET)
  if(NOT code STREQUAL expected_code)
    message(SEND_ERROR "${name}: exit code ${code}, expected ${expected_code}: ${text}")
  endif()
  string(FIND "${text}" "${expected_text}" found)
  if(found EQUAL -1)
    message(SEND_ERROR "${name}: '${expected_text}' is not in: ${text}")
  endif()
endfunction()

function(must_exist file expected)
  if(expected AND NOT EXISTS ${WORK}/${file})
    message(SEND_ERROR "${file} is missing")
  elseif(NOT expected AND EXISTS ${WORK}/${file})
    message(SEND_ERROR "${file} should not be there")
  endif()
endfunction()
