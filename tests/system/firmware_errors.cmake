# SPDX-License-Identifier: Apache-2.0
# Bad firmware is the user's mistake: exit code 2, and what was computed until then is kept and
# marked. FIRMWARE is the folder of the ELFs.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/run_and_expect.cmake)

function(run_firmware name text)
  run(${name} 2 "${text}" --set platform.cpu=riscv
      --set platform.cpu.riscv.elf=${FIRMWARE}/${name}.elf ${ARGN})
endfunction()
function(run_incomplete name text)
  run_firmware(${name} "${text}" ${ARGN})
  file(READ ${WORK}/${name}/result.json result)
  string(JSON complete GET "${result}" complete)
  if(complete)
    message(SEND_ERROR "${name}: its result is said to be complete")
  endif()
endfunction()

run_incomplete(nowhere "instruction access fault at pc 0x3000000")
run_incomplete(stack "store access fault at pc")
run_incomplete(read_only "(write_id), address 0x2100000 (NPU.ID)")
run_incomplete(exit "its exit status is 11")
run_incomplete(asleep "nothing was left to happen")
run_incomplete(loop "run.max_simulated_time was reached; the firmware was at"
               --timeout simulated=1ms)
run_incomplete(loop "run.max_wall_time was reached; the firmware was at" --timeout 100ms)

run_firmware(missing "no such file")
run_firmware(outside "lies in no memory")
run_firmware(over_boot "overlaps what the platform puts at")
foreach(name IN ITEMS missing outside over_boot)
  must_exist(${name} FALSE)
endforeach()

# Without requests the exit status says how it went.
set(SCENARIO ${BRINGUP})
set(options)
run(exit 2 "incomplete: the firmware stopped, its exit status is 11" --set platform.cpu.form=riscv
    --set platform.cpu.riscv.elf=${FIRMWARE}/exit.elf)
run(nowhere 2 "instruction access fault at pc 0x3000000" --set platform.cpu.form=riscv
    --set platform.cpu.riscv.elf=${FIRMWARE}/nowhere.elf)
run(done 0 "" --set platform.cpu.form=riscv --set platform.cpu.riscv.elf=${FIRMWARE}/done.elf)
file(READ ${WORK}/done/console.txt console)
if(NOT console STREQUAL "!")
  message(SEND_ERROR "console.txt is '${console}'")
endif()
run(native 0 "warning: platform.cpu.riscv.elf is not run" --set platform.cpu.form=native
    --set platform.cpu.riscv.elf=${FIRMWARE}/exit.elf)
