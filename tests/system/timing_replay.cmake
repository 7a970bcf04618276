# SPDX-License-Identifier: Apache-2.0
# Runs SCENARIO with TANDEM, SETTINGS and recording, then replays the record timing-only with the
# transactions of functional execution: everything in both results must be equal, but for the
# effective scenario and the wall clock.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(common ${TANDEM} run ${SCENARIO} --no-progress --set run.baseline=none)
foreach(setting ${SETTINGS})
  list(APPEND common --set ${setting})
endforeach()
execute_process(COMMAND ${common} --set run.record_oracle=${WORK}/record.csv
                        --out ${WORK}/functional
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${common} --set execution=timing --set fidelity.transfers=bursts
                        --set oracle.kind=replay --set oracle.file=${WORK}/record.csv
                        --out ${WORK}/timing
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
foreach(run functional timing)
  file(READ ${WORK}/${run}/result.json result)
  foreach(field wall scenario)
    string(JSON result ERROR_VARIABLE missing REMOVE "${result}" ${field})
    if(missing)
      message(FATAL_ERROR "no '${field}' in result.json: ${missing}")
    endif()
  endforeach()
  set(result_${run} "${result}")
endforeach()
if(NOT result_functional STREQUAL result_timing)
  file(WRITE ${WORK}/functional.json "${result_functional}")
  file(WRITE ${WORK}/timing.json "${result_timing}")
  message(FATAL_ERROR "the results differ: ${WORK}/functional.json and timing.json")
endif()
string(JSON requests LENGTH "${result_timing}" requests)
if(requests EQUAL 0)
  message(FATAL_ERROR "no requests in the results")
endif()
