# SPDX-License-Identifier: Apache-2.0
# What `tandem run` says, with exit code 2, when a checkpoint cannot be made or restored.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/run_and_expect.cmake)

# The results are written all the same.
run(late 2 "no checkpoint was written: the run had no quiescent moment from 10 s on"
    --checkpoint late.ckpt --checkpoint-at "10 s")
must_exist(late.ckpt FALSE)
must_exist(late/result.json TRUE)

run(half 2 "go together" --checkpoint c.ckpt)
run(half 2 "go together" --checkpoint-at "1 ms")
run(time 2 "--checkpoint-at: expected a time such as" --checkpoint c.ckpt --checkpoint-at 5)
run(target 2 "it exists and is no checkpoint" --checkpoint late/result.json --checkpoint-at "0 s")
run(missing 2 "there is no such file" --restore none.ckpt)
must_exist(missing FALSE)

run(faults 2 "runs with injected faults can be neither saved nor restored"
    --checkpoint f.ckpt --checkpoint-at "0 s" --set "faults={list: [{kind: uart_overrun, nth: 5}]}")
must_exist(f.ckpt FALSE)

run(late 2 "lies in the result folder" --checkpoint late/c.ckpt --checkpoint-at "0 s")
must_exist(late/c.ckpt FALSE)
must_exist(late/result.json TRUE)

run(saved 0 "" --checkpoint c.ckpt --checkpoint-at "100 us")
run(other 2 "policy.draft.length is 7, but 4 in the checkpoint" --restore c.ckpt
    --set policy.draft.length=7)
must_exist(other FALSE)
execute_process(COMMAND head -c 50000 c.ckpt WORKING_DIRECTORY ${WORK} OUTPUT_FILE ${WORK}/cut.ckpt)
run(cut 2 "it is truncated or damaged" --restore cut.ckpt)
must_exist(cut FALSE)
execute_process(COMMAND sh -c "cat c.ckpt; tail -c +10 c.ckpt" WORKING_DIRECTORY ${WORK}
                OUTPUT_FILE ${WORK}/twice.ckpt)
run(twice 2 "more follows its last section" --restore twice.ckpt)
must_exist(twice FALSE)
# Who looks on, and how long the host may take, may differ.
run(restored 0 "" --restore c.ckpt --timeout 60s --log npu=access
    --registers npu.SQ_TAIL@10us --registers npu.SQ_TAIL@180us)
must_exist(restored/access.log TRUE)
file(READ ${WORK}/restored/registers.txt registers)
foreach(expected IN ITEMS "that was before the checkpoint" "-> 0x")
  if(NOT registers MATCHES "${expected}")
    message(SEND_ERROR "registers.txt lacks '${expected}': ${registers}")
  endif()
endforeach()
must_exist(restored/result.json TRUE)
