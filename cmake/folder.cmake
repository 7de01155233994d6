# One folder, one target of its name. Sources are globbed, so adding a file needs no edit here.

# reprise_folder(NAME [LINK target...]): the library reprise_NAME from NAME/**/*.cpp.
function(reprise_folder name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  if(sources)
    add_library(reprise_${name} STATIC ${sources})
    target_link_libraries(reprise_${name} PRIVATE reprise_flags PUBLIC ${arg_LINK})
    target_include_directories(reprise_${name} PUBLIC "${CMAKE_SOURCE_DIR}")
  else()
    add_library(reprise_${name} INTERFACE)
    target_link_libraries(reprise_${name} INTERFACE ${arg_LINK})
    target_include_directories(reprise_${name} INTERFACE "${CMAKE_SOURCE_DIR}")
  endif()
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.hpp")
  list(FILTER headers EXCLUDE REGEX "/protocol/interfaces\\.hpp$")
  reprise_verify(reprise_${name} ${headers})
endfunction()

# reprise_verify(TARGET header...): the target all_verify_interface_header_sets compiles each header
# alone, so that none leans on what its includers happened to include before.
function(reprise_verify target)
  if(ARGN)
    target_sources(${target} INTERFACE FILE_SET HEADERS BASE_DIRS "${CMAKE_SOURCE_DIR}"
                   FILES ${ARGN})
    set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON)
  endif()
endfunction()

# reprise_tests(NAME [LINK target...] [TIMEOUT seconds]): reprise_NAME_tests from tests/NAME/*.cpp,
# registered one ctest per file so that they run side by side, and one more for cases that come
# from headers. A main.cpp in the folder replaces doctest's own main.
function(reprise_tests name)
  cmake_parse_arguments(arg "" "TIMEOUT" "LINK" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
  if(NOT sources)
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set(target reprise_${name}_tests)
  add_executable(${target} ${sources})
  if(NOT EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/main.cpp")
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:reprise_test_main>)
  endif()
  target_link_libraries(${target} PRIVATE reprise_flags doctest::doctest ${arg_LINK})
  target_include_directories(${target} PRIVATE "${CMAKE_SOURCE_DIR}")
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
