#include "frontend/transport/gzip.hpp"

#include <zlib.h>

#include <algorithm>

namespace reprise::frontend {

namespace {

/// The largest window, with gzip's head and tail instead of zlib's.
constexpr int gzip_window = 15 + 16;
constexpr std::size_t first_guess = 4096;

struct inflater {
  inflater() : ready(inflateInit2(&stream, gzip_window) == Z_OK) {
  }

  ~inflater() {
    if (ready)
      inflateEnd(&stream);
  }

  inflater(const inflater&) = delete;
  inflater& operator=(const inflater&) = delete;

  z_stream stream{};
  const bool ready;
};

error no_gzip() {
  return make_error(errc::internal, "grpc: failed to decompress the received message");
}

} // namespace

result<std::string> gunzip(std::string_view packed, std::size_t most) {
  inflater z;
  if (!z.ready)
    return no_gzip();
  z.stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.stream.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  while (true) {
    // One byte more than there may be, so that the end is seen.
    auto before = out.size();
    out.resize(std::min(most + 1, std::max(first_guess, 2 * before)));
    z.stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    z.stream.avail_out = static_cast<uInt>(out.size() - before);
    auto status = inflate(&z.stream, Z_NO_FLUSH);
    auto has_room = z.stream.avail_out > 0;
    out.resize(out.size() - z.stream.avail_out);
    if (out.size() > most)
      return make_error(errc::resource_exhausted,
                        "grpc: received message larger than max (more than " + std::to_string(most)
                          + " after decompression vs. " + std::to_string(most) + ")");
    if (status == Z_STREAM_END && z.stream.avail_in == 0)
      return out;
    // With room left it would have gone on if there were more.
    if (status != Z_OK || has_room)
      return no_gzip();
  }
}

} // namespace reprise::frontend
