# The public API's generated code, a library of its own. The .proto files are a dependency: fetched
# once by tools/fetch_api_protos.sh, or taken from a checkout named by REPRISE_API_PROTO_DIR.

if(REPRISE_API_PROTO_DIR)
  set(REPRISE_API_PROTOS "${REPRISE_API_PROTO_DIR}")
else()
  execute_process(COMMAND "${CMAKE_SOURCE_DIR}/tools/fetch_api_protos.sh"
                  OUTPUT_VARIABLE REPRISE_API_PROTOS OUTPUT_STRIP_TRAILING_WHITESPACE
                  RESULT_VARIABLE fetched)
  if(fetched)
    message(FATAL_ERROR "The public API's proto files could not be fetched (see above).")
  endif()
endif()
if(NOT EXISTS "${REPRISE_API_PROTOS}/temporal/api/workflowservice/v1/service.proto")
  message(FATAL_ERROR "${REPRISE_API_PROTOS} does not hold temporal/api/workflowservice/v1/service.proto")
endif()

set(REPRISE_GENERATED "${CMAKE_BINARY_DIR}/generated")
file(MAKE_DIRECTORY "${REPRISE_GENERATED}")

# reprise_protoc(OUT_SOURCES ROOT proto...): generates C++ for files named relative to ROOT.
function(reprise_protoc out root)
  set(sources)
  set(headers)
  set(inputs)
  foreach(proto IN LISTS ARGN)
    string(REGEX REPLACE "\\.proto$" "" stem "${proto}")
    list(APPEND sources "${REPRISE_GENERATED}/${stem}.pb.cc")
    list(APPEND headers "${REPRISE_GENERATED}/${stem}.pb.h")
    list(APPEND inputs "${root}/${proto}")
  endforeach()
  add_custom_command(
    OUTPUT ${sources} ${headers}
    COMMAND "${CMAKE_SOURCE_DIR}/cmake/protoc.sh" $<TARGET_FILE:protobuf::protoc>
            "${REPRISE_GENERATED}" "${root}" "${REPRISE_API_PROTOS}" ${ARGN}
    DEPENDS ${inputs} "${CMAKE_SOURCE_DIR}/cmake/protoc.sh"
    COMMENT "Generating C++ from proto files under ${root}"
    VERBATIM)
  set(${out} ${sources} PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE api_protos RELATIVE "${REPRISE_API_PROTOS}" CONFIGURE_DEPENDS
     "${REPRISE_API_PROTOS}/temporal/api/*.proto" "${REPRISE_API_PROTOS}/google/api/*.proto"
     "${REPRISE_API_PROTOS}/google/rpc/status.proto" "${REPRISE_API_PROTOS}/nexusannotations/*.proto")
list(FILTER api_protos EXCLUDE REGEX "^google/protobuf/")
reprise_protoc(api_sources "${REPRISE_API_PROTOS}" ${api_protos})

# Its headers are made apart from its objects: nothing that only reads them waits for these.
add_custom_target(reprise_api_headers DEPENDS ${api_sources})

add_library(reprise_api STATIC ${api_sources})
set_target_properties(reprise_api PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
# The same flags in every build type: whoever compiled it first, compiled it for all (ccache).
target_compile_options(reprise_api PRIVATE ${REPRISE_GENERATED_CODE_OPTIONS})
target_include_directories(reprise_api SYSTEM PUBLIC "${REPRISE_GENERATED}")
target_link_libraries(reprise_api PUBLIC protobuf::libprotobuf Threads::Threads)
