# SPDX-License-Identifier: Apache-2.0
# Runs SCENARIO twice with TANDEM, from different folders; the results must be equal byte for byte,
# except for the field `wall` of result.json.
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE ${WORK})
foreach(run first second)
  file(MAKE_DIRECTORY ${WORK}/${run})
  execute_process(COMMAND ${TANDEM} run ${SCENARIO} --no-progress --out ${WORK}/${run}/result
                  WORKING_DIRECTORY ${WORK}/${run} OUTPUT_FILE ${WORK}/${run}/console
                  COMMAND_ERROR_IS_FATAL ANY)
  file(GLOB names RELATIVE ${WORK}/${run}/result ${WORK}/${run}/result/*)
  set(names_${run} "${names}")
endforeach()

if(NOT names_first STREQUAL names_second)
  message(FATAL_ERROR "different files: ${names_first} and ${names_second}")
endif()
foreach(name result.json summary.txt timeline.json)
  if(NOT name IN_LIST names_first)
    message(FATAL_ERROR "no ${name} among ${names_first}")
  endif()
  file(READ ${WORK}/first/result/${name} first)
  file(READ ${WORK}/second/result/${name} second)
  if(name STREQUAL "result.json")
    string(JSON seconds GET "${first}" wall seconds)
    string(JSON first REMOVE "${first}" wall)
    string(JSON second REMOVE "${second}" wall)
  endif()
  if(NOT first STREQUAL second)
    message(FATAL_ERROR "${name} differs")
  endif()
endforeach()
