# SPDX-License-Identifier: Apache-2.0
# Installs BUILD_DIR into a fresh prefix, checks that the installation names neither the source nor
# the build folder, then configures, builds and runs the project in this folder against it.
set(work ${BUILD_DIR}/consumer)
set(prefix ${work}/prefix)
set(build ${work}/build)
file(REMOVE_RECURSE ${work})

function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix})

file(GLOB_RECURSE scripts ${prefix}/*.cmake)
foreach(script IN LISTS scripts)
  file(READ ${script} text)
  foreach(leak IN ITEMS ${SOURCE_DIR}/ tandem_warnings -Wall)
    string(FIND "${text}" "${leak}" position)
    if(NOT position EQUAL -1)
      message(FATAL_ERROR "${script} contains ${leak}")
    endif()
  endforeach()
endforeach()

if(NOT EXISTS ${prefix}/share/tandem/devices/hbm2_neupims.yaml OR
   NOT EXISTS ${prefix}/share/tandem/models/presets.csv)
  message(FATAL_ERROR "the device files or the model presets are not installed")
endif()

set(flags "")
if(SANITIZE)
  set(flags -fsanitize=address,undefined)
endif()
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${build} -G ${GENERATOR}
    -D CMAKE_BUILD_TYPE=Release -D CMAKE_CXX_COMPILER=${CXX_COMPILER}
    -D CMAKE_CXX_FLAGS=${flags} -D CMAKE_C_FLAGS=${flags} -D CMAKE_PREFIX_PATH=${prefix})
run(${CMAKE_COMMAND} --build ${build})
run(${build}/consumer)
run(${build}/remote_driver)
