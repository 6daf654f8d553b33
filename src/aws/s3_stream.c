#include "s3_inner.h"

#include <stdlib.h>

struct s3_stream {
    struct http_stream *http;
    struct s3 *s3;
};

struct s3_stream *s3_stream_take(struct s3 *s3, struct http_stream *http)
{
    struct s3_stream *stream = malloc(sizeof *stream);
    if (stream == NULL) {
        http_stream_close(http);
        return NULL;
    }
    *stream = (struct s3_stream){ .http = http, .s3 = s3 };
    return stream;
}

size_t s3_stream_read(struct s3_stream *stream, void *out, size_t size, enum http_stream_state *state)
{
    size_t n = http_stream_read(stream->http, out, size, state);
    if (n > 0)
        s3_metrics_received(&stream->s3->metrics, n);
    return n;
}

bool s3_stream_wait(struct s3_stream *stream, int64_t until_ms)
{
    return http_stream_wait(stream->http, until_ms);
}

void s3_stream_close(struct s3_stream *stream)
{
    if (stream == NULL)
        return;
    http_stream_close(stream->http);
    free(stream);
}
