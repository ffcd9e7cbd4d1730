#include "CZlib.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct annexd_inflater {
    z_stream stream;
};

/// 16 lets zlib expect a gzip header and check the CRC and length at the end.
enum { gzip_window = 16 + MAX_WBITS };

annexd_inflater *annexd_inflater_create(void) {
    annexd_inflater *inflater = calloc(1, sizeof *inflater);
    if (!inflater) return NULL;
    if (inflateInit2(&inflater->stream, gzip_window) != Z_OK) {
        free(inflater);
        return NULL;
    }
    return inflater;
}

void annexd_inflater_destroy(annexd_inflater *inflater) {
    inflateEnd(&inflater->stream);
    free(inflater);
}

static uInt at_most(size_t count) { return count > UINT_MAX ? UINT_MAX : (uInt)count; }

int annexd_inflater_run(annexd_inflater *inflater, const void *input, size_t input_count, void *output,
                        size_t output_count, size_t *consumed, size_t *produced) {
    z_stream *stream = &inflater->stream;
    uInt available = at_most(input_count), room = at_most(output_count);
    stream->next_in = (Bytef *)input;
    stream->avail_in = available;
    stream->next_out = output;
    stream->avail_out = room;
    int result = inflate(stream, Z_NO_FLUSH);
    *consumed += available - stream->avail_in;
    *produced += room - stream->avail_out;
    stream->next_in = NULL;
    stream->next_out = NULL;
    switch (result) {
    case Z_STREAM_END: return 1;
    case Z_OK: case Z_BUF_ERROR: return 0;
    case Z_MEM_ERROR: return -2;
    default: return -1;
    }
}

int annexd_inflater_reset(annexd_inflater *inflater) { return inflateReset(&inflater->stream) == Z_OK ? 0 : -1; }

size_t annexd_gzip(const void *input, size_t input_count, void *output, size_t output_count) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) return 0;
    stream.next_in = (Bytef *)input;
    stream.avail_in = at_most(input_count);
    stream.next_out = output;
    stream.avail_out = at_most(output_count);
    int result = deflate(&stream, Z_FINISH);
    size_t length = stream.total_out;
    deflateEnd(&stream);
    return result == Z_STREAM_END ? length : 0;
}
