# SPDX-License-Identifier: Apache-2.0
# tandem_precompile(TARGET PRIVATE HEADER... | REUSE_FROM TARGET)
#   Parses HEADERs once for TARGET where TANDEM_PRECOMPILE asks for it: in the instrumented build.
#   The others go without, so that every file is seen to include what it uses.
function(tandem_precompile)
  if(TANDEM_PRECOMPILE)
    target_precompile_headers(${ARGV})
  endif()
endfunction()
