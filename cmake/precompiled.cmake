# Headers of other people that most of our sources include, compiled once for each build tree: `api`
# (Protobuf and the API's messages), `actors` (CAF, too). Our own headers are in none of them, so that
# a change in one compiles only what includes it.

# Not by ccache: such a file holds absolute paths. Beside it lies a sum of what it was made from, by
# which ccache knows it in every clone. (CMake's own precompiled headers name absolute paths where
# ccache does not see that they are paths.)
function(reprise_precompile set)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  file(CONFIGURE OUTPUT "${CMAKE_BINARY_DIR}/precompiled/${set}.cpp"
       CONTENT "#include \"cmake/precompiled/${set}.hpp\"\n")
  add_library(reprise_precompiled_${set} OBJECT "${CMAKE_BINARY_DIR}/precompiled/${set}.cpp")
  target_compile_options(reprise_precompiled_${set} PRIVATE "SHELL:-x c++-header"
                         -fpch-instantiate-templates)
  target_link_libraries(reprise_precompiled_${set} PRIVATE reprise_flags ${arg_LINK})
  target_include_directories(reprise_precompiled_${set} PRIVATE "${CMAKE_SOURCE_DIR}")
  set_target_properties(reprise_precompiled_${set} PROPERTIES
                        CXX_COMPILER_LAUNCHER "${CMAKE_SOURCE_DIR}/cmake/precompiled/compile.sh")
  set(REPRISE_PRECOMPILED_${set}
      "${CMAKE_BINARY_DIR}/CMakeFiles/reprise_precompiled_${set}.dir/precompiled/${set}.cpp.o"
      PARENT_SCOPE)
endfunction()

# reprise_precompiled(TARGET SET): TARGET's sources begin with that set; an empty one is none.
function(reprise_precompiled target set)
  if(set)
    set(file "${REPRISE_PRECOMPILED_${set}}")
    target_compile_options(${target} PRIVATE -Winvalid-pch "SHELL:-include-pch ${file}")
    get_target_property(sources ${target} SOURCES)
    list(FILTER sources INCLUDE REGEX "\\.cpp$")
    set_property(SOURCE ${sources} APPEND PROPERTY OBJECT_DEPENDS "${file}")
  endif()
endfunction()

reprise_precompile(api LINK reprise_api)
reprise_precompile(actors LINK reprise_api reprise::caf)
