/* protoc as the judge of what control.proto says. */
#ifndef TERN_TESTS_LINK_PROTOC_H
#define TERN_TESTS_LINK_PROTOC_H

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* protoc --decode (bytes to text) or --encode (text to bytes) of a message of tern.link. */
static void protoc(const char *mode, const char *message, const void *in, size_t len,
                   struct buf *out)
{
    char path[] = "/tmp/tern-link-XXXXXX", command[1000];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, in, len), len);
    close(fd);
    snprintf(command, sizeof command, "protoc --%s=tern.link.%s -I '%s/src/link' control.proto <%s",
             mode, message, getenv("TERN_SOURCE"), path);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    uint8_t chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_put(out, chunk, n);
    assert_int_equal(buf_err(out), 0);
    unlink(path);
    assert_int_equal(pclose(f), 0);
}

#endif
