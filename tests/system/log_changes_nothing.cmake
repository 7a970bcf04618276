# SPDX-License-Identifier: Apache-2.0
# Runs SCENARIO without and with a log of everything: times, tokens and statistics must be the same.
cmake_minimum_required(VERSION 3.25)
foreach(run plain logged)
  set(options)
  if(run STREQUAL "logged")
    set(options --log access)
  endif()
  execute_process(COMMAND ${TANDEM} run ${SCENARIO} --set workload.max_tokens=12 ${options}
                          --no-progress --quiet --out ${WORK}/${run}
                  COMMAND_ERROR_IS_FATAL ANY)
  file(READ ${WORK}/${run}/result.json result)
  string(JSON result REMOVE "${result}" wall)
  string(JSON ${run} REMOVE "${result}" scenario)
endforeach()
if(NOT plain STREQUAL logged)
  message(FATAL_ERROR "the results differ")
endif()
if(EXISTS ${WORK}/plain/access.log OR NOT EXISTS ${WORK}/logged/access.log)
  message(FATAL_ERROR "access.log where none was asked for, or none where it was")
endif()
