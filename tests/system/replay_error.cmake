# SPDX-License-Identifier: Apache-2.0
# Runs SCENARIO with all layers and with a few that stand for them. Simulated time may differ by
# BOUND tenths of a percent; what each layer moves must be counted as if all had been run.
set(settings "")
foreach(setting ${SETTINGS})
  list(APPEND settings --set ${setting})
endforeach()
foreach(layers all replay)
  execute_process(
    COMMAND ${TANDEM} run ${SCENARIO} --quiet --no-progress --out ${WORK}/${layers} ${settings}
            --set fidelity.layers=${layers}
    RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "layers: ${layers}: exit code ${failed}")
  endif()
  file(READ ${WORK}/${layers}/result.json ${layers}_json)
endforeach()

foreach(layers all replay)
  string(JSON ${layers}_ps GET ${${layers}_json} simulated_time_ps)
endforeach()
math(EXPR off "(${replay_ps} - ${all_ps}) * 1000 / ${all_ps}")
message(STATUS "simulated time: ${all_ps} ps, with replay ${replay_ps} ps, ${off} tenths of a percent off")
if(off GREATER ${BOUND} OR off LESS -${BOUND})
  message(FATAL_ERROR "more than ${BOUND} tenths of a percent")
endif()
foreach(path "npu;primitives" "npu;matrix;macs" "npu;dma;kv;read_bytes" "npu;dma;kv;written_bytes"
             "npu;dma;weights;read_bytes" ${SAME})
  string(REPLACE "/" ";" path "${path}")
  foreach(layers all replay)
    string(JSON ${layers}_value GET ${${layers}_json} statistics ${path} value)
  endforeach()
  if(NOT all_value STREQUAL replay_value)
    message(FATAL_ERROR "${path}: ${all_value}, with replay ${replay_value}")
  endif()
endforeach()
