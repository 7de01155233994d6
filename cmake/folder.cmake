# One folder, one target of its name. Sources are globbed, so adding a file needs no edit here.

# reprise_needed(LIST): in the tree of the fuzz targets, takes those sources out of the list that none
# of them uses. One that is needed after all is missed by the linker.
string(CONCAT REPRISE_NOT_FUZZED
       "/store/mysql/|/cluster/(http_port|pool_clock|worker_pool)[.]cpp$"
       "|/cluster/link/(broker_carrier|simulated_network|sockets)[.]cpp$"
       "|/frontend/grpc_server[.]cpp$"
       "|/cli/(adopt|backup|health|migrate|new_file|operator_call|output|parked|password|reference_flags|config_file|restore|server|server_options|settings|unary_call)[.]cpp$")
function(reprise_needed list_name)
  if(REPRISE_FUZZ)
    list(FILTER ${list_name} EXCLUDE REGEX "${REPRISE_NOT_FUZZED}")
    set(${list_name} ${${list_name}} PARENT_SCOPE)
  endif()
endfunction()

# reprise_own(LIST): takes what is in a subfolder with a CMakeLists.txt, a target of its own, out of it.
function(reprise_own list_name)
  file(GLOB others RELATIVE "${CMAKE_CURRENT_SOURCE_DIR}" CONFIGURE_DEPENDS
       "${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt")
  foreach(other IN LISTS others)
    get_filename_component(folder "${other}" DIRECTORY)
    list(FILTER ${list_name} EXCLUDE REGEX "^${CMAKE_CURRENT_SOURCE_DIR}/${folder}/")
  endforeach()
  set(${list_name} ${${list_name}} PARENT_SCOPE)
endfunction()

# reprise_folder(NAME [PRECOMPILED set] [LINK target...]): the library reprise_NAME from NAME/**/*.cpp.
function(reprise_folder name)
  cmake_parse_arguments(arg "" "PRECOMPILED" "LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  reprise_own(sources)
  reprise_needed(sources)
  if(sources)
    add_library(reprise_${name} STATIC ${sources})
    target_link_libraries(reprise_${name} PRIVATE reprise_flags PUBLIC ${arg_LINK})
    reprise_precompiled(reprise_${name} "${arg_PRECOMPILED}")
    target_include_directories(reprise_${name} PUBLIC "${CMAKE_SOURCE_DIR}")
  else()
    add_library(reprise_${name} INTERFACE)
    target_link_libraries(reprise_${name} INTERFACE ${arg_LINK})
    target_include_directories(reprise_${name} INTERFACE "${CMAKE_SOURCE_DIR}")
  endif()
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.hpp")
  reprise_own(headers)
  list(FILTER headers EXCLUDE REGEX "/protocol/interfaces\\.hpp$")
  reprise_verify(reprise_${name} "${arg_PRECOMPILED}" ${headers})
endfunction()

# reprise_verify(TARGET SET header...): the target `headers` compiles each header alone, so that none
# leans on what its includers happened to include before. One that has a source of its own name is
# the first that this includes (tools/tidy.py), so it needs no unit. Other people's headers come
# precompiled: which of the standard library a header needs, tools/tidy.py looks at.
add_custom_target(headers)
function(reprise_verify target set)
  set(units)
  foreach(header IN LISTS ARGN)
    string(REGEX REPLACE "\\.hpp$" "" stem "${header}")
    if(EXISTS "${stem}.cpp")
      continue()
    endif()
    file(RELATIVE_PATH name "${CMAKE_SOURCE_DIR}" "${header}")
    set(unit "${CMAKE_BINARY_DIR}/headers/${name}.cpp")
    file(CONFIGURE OUTPUT "${unit}" CONTENT "#include \"${name}\" // IWYU pragma: keep\n")
    list(APPEND units "${unit}")
  endforeach()
  if(units)
    add_library(${target}_headers OBJECT EXCLUDE_FROM_ALL ${units})
    target_compile_options(${target}_headers PRIVATE -fsyntax-only)
    target_link_libraries(${target}_headers PRIVATE reprise_flags ${target})
    reprise_precompiled(${target}_headers "${set}")
    add_dependencies(headers ${target}_headers)
  endif()
endfunction()

# reprise_tests(NAME [PRECOMPILED set] [LINK target...] [TIMEOUT seconds]): reprise_NAME_tests from tests/NAME/*.cpp,
# registered one ctest per file so that they run side by side, and one more for cases that come
# from headers. A main.cpp in the folder replaces doctest's own main.
function(reprise_tests name)
  cmake_parse_arguments(arg "" "TIMEOUT;PRECOMPILED" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
  if(NOT sources)
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(REPRISE_SANITIZE)
    math(EXPR arg_TIMEOUT "${arg_TIMEOUT} * 4")
  endif()
  set(target reprise_${name}_tests)
  add_executable(${target} ${sources})
  if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/main.cpp")
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:reprise_test_main>)
  endif()
  target_link_libraries(${target} PRIVATE reprise_flags doctest::doctest ${arg_LINK})
  target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}")
  reprise_precompiled(${target} "${arg_PRECOMPILED}")
  set(seen)
  foreach(source IN LISTS sources)
    get_filename_component(stem "${source}" NAME_WE)
    if(stem STREQUAL "main")
      continue()
    endif()
    list(APPEND seen "*tests/${name}/${stem}.cpp")
    add_test(NAME ${name}/${stem}
             COMMAND ${target} --no-intro "--source-file=*tests/${name}/${stem}.cpp")
    set_tests_properties(${name}/${stem} PROPERTIES LABELS ${name} TIMEOUT ${arg_TIMEOUT})
  endforeach()
  string(REPLACE ";" "," seen "${seen}")
  add_test(NAME ${name}/headers COMMAND ${target} --no-intro "--source-file-exclude=${seen}")
  set_tests_properties(${name}/headers PROPERTIES LABELS ${name} TIMEOUT ${arg_TIMEOUT})
endfunction()
