# Compiler, warnings, build types, ccache. Everything that decides how a file is compiled.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR "Reprise is built with clang++ 19: configure with a preset, or with "
                      "-DCMAKE_CXX_COMPILER=clang++-19 (found ${CMAKE_CXX_COMPILER}).")
endif()
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# Line tables even in a release: a backtrace from the field must name its lines.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG -gline-tables-only -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -gline-tables-only -fno-omit-frame-pointer")

add_compile_options(-fcolor-diagnostics "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
add_link_options(-fuse-ld=lld-19)

# ccache sees paths relative to the source tree and ignores the working directory, so that every
# build tree, and every clone, hits what another one has compiled.
find_program(REPRISE_CCACHE ccache)
if(REPRISE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      /usr/bin/env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=time_macros "${REPRISE_CCACHE}")
endif()

# What our own targets add. Generated code stays out of it: no warnings, and no sanitizers either,
# so that one compilation of it (ccache) serves every kind of build.
add_library(reprise_flags INTERFACE)
# The public API deprecates fields that older clients still send and read: we go on serving them.
target_compile_options(reprise_flags INTERFACE -Wall -Wextra -Wshadow -Werror
                       -Wno-deprecated-declarations)
if(REPRISE_SANITIZE)
  target_compile_options(reprise_flags INTERFACE "-fsanitize=${REPRISE_SANITIZE}")
  add_link_options("-fsanitize=${REPRISE_SANITIZE}")
  if(REPRISE_SANITIZE MATCHES "undefined")
    # CAF 0.17 binds null references whenever it spawns without arguments; its vtables are hidden.
    target_compile_options(reprise_flags INTERFACE -fno-sanitize=null,vptr,function
                           -fno-sanitize-recover=all)
    add_link_options(-fno-sanitize=null,vptr,function)
  endif()
endif()
if(REPRISE_FUZZ)
  target_compile_options(reprise_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(REPRISE_LTO)
  add_compile_options(-flto=thin)
  add_link_options(-flto=thin "-Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/lto-cache")
endif()
