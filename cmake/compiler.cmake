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

# By target instead: generated code is compiled in one way for all build types.
set(CMAKE_CXX_FLAGS_RELEASE "")
set(CMAKE_CXX_FLAGS_DEBUG "")

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

# What a server under load does most, as `./dev profile` recorded it, decides how a release is laid
# out and inlined. A function that changed since is compiled as if there were no profile.
# Names of functions of one file hold its path as the compiler is told it: with ccache, relative to
# build/NAME.
set(REPRISE_PROFILE_FILE "${CMAKE_SOURCE_DIR}/cmake/server.profdata")
if(REPRISE_PROFILE STREQUAL "use")
  # Build tools do not know that objects depend on it.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${REPRISE_PROFILE_FILE}")
  file(SHA256 "${REPRISE_PROFILE_FILE}" profile_id)
  set(profile_path "${REPRISE_PROFILE_FILE}")
  if(CMAKE_GENERATOR MATCHES "Ninja")
    # Relative to where it calls the compiler: ccache would tell one clone from another by the path.
    file(RELATIVE_PATH profile_path "${CMAKE_BINARY_DIR}" "${REPRISE_PROFILE_FILE}")
  endif()
  set(profile_options "-fprofile-use=${profile_path}" "-DREPRISE_PROFILE_ID=${profile_id}"
      -Wno-profile-instr-out-of-date -Wno-profile-instr-unprofiled -Wno-backend-plugin)
elseif(REPRISE_PROFILE STREQUAL "generate")
  set(profile_options -fprofile-generate)
  add_link_options(-fprofile-generate)
elseif(NOT REPRISE_PROFILE STREQUAL "off")
  message(FATAL_ERROR "REPRISE_PROFILE is use, generate or off, not ${REPRISE_PROFILE}.")
endif()
target_compile_options(reprise_flags INTERFACE "$<$<CONFIG:Release>:${profile_options}>")
list(APPEND REPRISE_GENERATED_CODE_OPTIONS ${profile_options})
# The server is optimised as a whole when it is linked. Objects hold machine code as well, which
# tests and benches are linked from: none of them is worth the time.
if(REPRISE_LTO AND NOT REPRISE_PROFILE STREQUAL "generate")
  set(lto_options -flto=thin -ffat-lto-objects)
  list(APPEND REPRISE_GENERATED_CODE_OPTIONS ${lto_options})
  if(CMAKE_BUILD_TYPE STREQUAL "Release")
    set(REPRISE_SERVER_COMPILE_OPTIONS ${lto_options})
    # The linker's own option: clang 19 does not hand it on.
    set(REPRISE_SERVER_LINK_OPTIONS -flto=thin -Wl,--fat-lto-objects
        "-Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/lto-cache")
  endif()
endif()
