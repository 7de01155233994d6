# Debian 12's libraries, each as an imported target whose headers are SYSTEM.

# Libraries that a busy server calls at every turn are linked statically: their calls are direct.
set(Protobuf_USE_STATIC_LIBS ON)

find_package(Threads REQUIRED)
find_package(Protobuf 3.21 REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
find_package(ICU REQUIRED COMPONENTS uc)
find_package(doctest REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(CLI11 REQUIRED)

# reprise_import(NAME HEADER header LIBRARIES lib...): libraries that ship no usable CMake package.
function(reprise_import name)
  cmake_parse_arguments(arg "" "HEADER" "LIBRARIES" ${ARGN})
  find_path(REPRISE_${name}_INCLUDE "${arg_HEADER}" REQUIRED)
  add_library(reprise::${name} INTERFACE IMPORTED GLOBAL)
  target_include_directories(reprise::${name} SYSTEM INTERFACE "${REPRISE_${name}_INCLUDE}")
  foreach(library IN LISTS arg_LIBRARIES)
    find_library(REPRISE_LIB_${library} "${library}" REQUIRED)
    target_link_libraries(reprise::${name} INTERFACE "${REPRISE_LIB_${library}}")
  endforeach()
  target_link_libraries(reprise::${name} INTERFACE Threads::Threads)
endfunction()

reprise_import(caf HEADER caf/actor_system.hpp LIBRARIES caf_core caf_io caf_openssl)
if(REPRISE_SANITIZE MATCHES "thread")
  # Before CAF's own library, whose functions it stands in front of.
  add_library(reprise_caf_happens_before STATIC
              "${CMAKE_SOURCE_DIR}/tests/support/caf_happens_before.cpp")
  target_link_libraries(reprise_caf_happens_before PRIVATE reprise_flags)
  target_include_directories(reprise_caf_happens_before SYSTEM PRIVATE "${REPRISE_caf_INCLUDE}")
  get_target_property(caf_libraries reprise::caf INTERFACE_LINK_LIBRARIES)
  set_target_properties(reprise::caf PROPERTIES INTERFACE_LINK_LIBRARIES
                        "reprise_caf_happens_before;${caf_libraries}")
endif()
# Clients only: the server speaks HTTP/2 by itself, with nghttp2.
reprise_import(grpc HEADER grpcpp/grpcpp.h LIBRARIES grpc++ grpc gpr absl_synchronization)
reprise_import(jemalloc HEADER jemalloc/jemalloc.h LIBRARIES libjemalloc.a)
reprise_import(nghttp2 HEADER nghttp2/nghttp2.h LIBRARIES libnghttp2.a)
reprise_import(mysql HEADER mysql_connection.h LIBRARIES mysqlcppconn)
reprise_import(yaml HEADER yaml-cpp/yaml.h LIBRARIES libyaml-cpp.a)
reprise_import(civetweb HEADER civetweb.h LIBRARIES civetweb)
reprise_import(sqlite HEADER sqlite3.h LIBRARIES libsqlite3.a m)
