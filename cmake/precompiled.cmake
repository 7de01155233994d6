# Headers of other people that most of our sources include, compiled once for each build tree: `api`
# (Protobuf and the API's messages), `actors` (CAF, too). Our own headers are in none of them, so that
# a change in one compiles only what includes it.

# Not by ccache: such a file holds absolute paths. Beside it lies a sum of what it was made from, by
# which ccache knows it in every clone.
function(reprise_precompile set)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  file(WRITE "${CMAKE_BINARY_DIR}/precompiled/${set}.cpp" "")
  add_library(reprise_precompiled_${set} OBJECT "${CMAKE_BINARY_DIR}/precompiled/${set}.cpp")
  target_link_libraries(reprise_precompiled_${set} PRIVATE reprise_flags ${arg_LINK})
  target_precompile_headers(reprise_precompiled_${set} PRIVATE
                            "${CMAKE_SOURCE_DIR}/cmake/precompiled/${set}.hpp")
  set_target_properties(reprise_precompiled_${set} PROPERTIES
                        CXX_COMPILER_LAUNCHER "${CMAKE_SOURCE_DIR}/cmake/precompiled/compile.sh")
endfunction()

# reprise_precompiled(TARGET SET): TARGET's sources begin with that set; an empty one is none.
function(reprise_precompiled target set)
  if(set)
    target_precompile_headers(${target} REUSE_FROM reprise_precompiled_${set})
  endif()
endfunction()

reprise_precompile(api LINK reprise_api)
reprise_precompile(actors LINK reprise_api reprise::caf)
