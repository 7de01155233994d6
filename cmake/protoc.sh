#!/bin/sh
# protoc 3.21 writes the package names `namespace` and `export` into C++ as they are, although both
# are keywords. Like later versions of it, this adds an underscore.
# usage: protoc.sh PROTOC OUT ROOT API_ROOT PROTO...
set -eu
protoc=$1 out=$2 root=$3 api=$4
shift 4
"$protoc" "-I$api" "-I$root" "--cpp_out=$out" "$@"
for proto in "$@"; do
  stem="$out/${proto%.proto}.pb"
  sed -i -E 's/\b(namespace|export)::/\1_::/g; s/^(\}  \/\/ )?namespace (namespace|export)\b/\1namespace \2_/' \
    "$stem.h" "$stem.cc"
done
