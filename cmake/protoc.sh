#!/bin/sh
# protoc 3.21 writes the package names `namespace` and `export` into C++ as they are, although both
# are keywords. Like later versions of it, this adds an underscore.
# Names that each file has for itself get the file's, so that several can be one unit.
# usage: protoc.sh PROTOC OUT ROOT API_ROOT PROTO...
set -eu
protoc=$1 out=$2 root=$3 api=$4
shift 4
"$protoc" "-I$api" "-I$root" "--cpp_out=$out" "$@"
for proto in "$@"; do
  stem="$out/${proto%.proto}.pb"
  sed -i -E 's/\b(namespace|export)::/\1_::/g; s/^(\}  \/\/ )?namespace (namespace|export)\b/\1namespace \2_/' \
    "$stem.h" "$stem.cc"
  id=$(printf %s "${proto%.proto}" | tr -c 'a-zA-Z0-9' _)
  sed -i -E "s/\\b(MigrationSchema\\*? schemas|Message\\* const\\*? file_default_instances)( =|\\[)/\\1_$id\\2/
    s/\\bschemas, file_default_instances,/schemas_$id, file_default_instances_$id,/" "$stem.cc"
done
