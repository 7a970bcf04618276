# SPDX-License-Identifier: Apache-2.0
# Runs SCENARIO with the firmware and with the firmware file ELF: the first answer must be the same.
cmake_minimum_required(VERSION 3.25)
foreach(run firmware elf)
  set(settings --set run.baseline=none)
  if(run STREQUAL "elf")
    list(APPEND settings --set platform.cpu.riscv.elf=${ELF})
  endif()
  execute_process(COMMAND ${TANDEM} run ${SCENARIO} ${settings} --no-progress --quiet
                          --out ${WORK}/${run}
                  COMMAND_ERROR_IS_FATAL ANY)
  file(READ ${WORK}/${run}/result.json result)
  string(JSON ${run} GET "${result}" requests 0 tokens)
endforeach()
if(NOT firmware STREQUAL elf)
  message(FATAL_ERROR "${firmware} is not ${elf}")
endif()
