# Compiler, warnings, build types, ccache. Everything that decides how a file is compiled.

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR "Reprise is built with clang++ 19: configure with a preset, or with "
                      "-DCMAKE_CXX_COMPILER=clang++-19 (found ${CMAKE_CXX_COMPILER}).")
endif()
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

# By target instead: generated code is compiled in one way for all build types.
set(CMAKE_CXX_FLAGS_RELEASE "")
set(CMAKE_CXX_FLAGS_DEBUG "")

# One code model for all: what is precompiled serves libraries and programs.
add_compile_options(-fPIC -fcolor-diagnostics "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
add_link_options(-fuse-ld=lld-19)

# ccache sees paths relative to the source tree and ignores the working directory, so that every
# build tree, and every clone, hits what another one has compiled.
find_program(REPRISE_CCACHE ccache)
if(REPRISE_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER
      /usr/bin/env "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros CCACHE_PCH_EXTSUM=1 "${REPRISE_CCACHE}")
endif()

# What our own targets add. Generated code stays out of it: no warnings, and no sanitizers either,
# so that one compilation of it (ccache) serves every kind of build.
add_library(reprise_flags INTERFACE)
# The public API deprecates fields that older clients still send and read: we go on serving them.
target_compile_options(reprise_flags INTERFACE -Wall -Wextra -Wshadow -Werror
                       -Wno-deprecated-declarations)
# Line tables even in a release: a backtrace from the field must name its lines.
target_compile_options(reprise_flags INTERFACE "$<IF:$<CONFIG:Debug>,-O1,-O2;-DNDEBUG>"
                       -gline-tables-only -fno-omit-frame-pointer)
set(REPRISE_GENERATED_CODE_OPTIONS -w -O2 -DNDEBUG -fno-omit-frame-pointer)
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

# Only ./dev release builds with a recorded profile and link-time optimisation: REPRISE_PROFILE is
# off, generate, or the file that was recorded. Everything else is built plainly.
if(REPRISE_PROFILE STREQUAL "generate")
  set(REPRISE_TUNING -fprofile-generate)
  add_link_options(-fprofile-generate)
elseif(NOT REPRISE_PROFILE STREQUAL "off")
  if(NOT EXISTS "${REPRISE_PROFILE}")
    message(FATAL_ERROR "REPRISE_PROFILE is off, generate or a recorded file, not ${REPRISE_PROFILE}.")
  endif()
  # Build tools do not know that objects depend on it.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${REPRISE_PROFILE}")
  file(SHA256 "${REPRISE_PROFILE}" profile_id)
  set(REPRISE_TUNING "-fprofile-use=${REPRISE_PROFILE}" "-DREPRISE_PROFILE_ID=${profile_id}"
      -Wno-profile-instr-out-of-date -Wno-profile-instr-unprofiled -Wno-backend-plugin)
endif()
if(REPRISE_LTO)
  list(APPEND REPRISE_TUNING -flto=thin)
  # The linker's own option: clang 19 does not hand it on.
  add_link_options(-flto=thin "-Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/lto-cache")
endif()
target_compile_options(reprise_flags INTERFACE ${REPRISE_TUNING})
list(APPEND REPRISE_GENERATED_CODE_OPTIONS ${REPRISE_TUNING})
