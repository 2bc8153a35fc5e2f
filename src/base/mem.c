#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void bug_at(const char *file, int line, const char *what)
{
    /* Pure code may not print; the debugger and the core's registers have the arguments. */
    (void)file;
    (void)line;
    (void)what;
    abort();
}

void *mem_new(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    if (!p)
        BUG("out of memory");
    return p;
}

void *mem_resize(void *p, size_t n, size_t size)
{
    if (size && n > SIZE_MAX / size)
        BUG("size overflow");
    size_t bytes = n * size;
    p = realloc(p, bytes ? bytes : 1);
    if (!p)
        BUG("out of memory");
    return p;
}

char *mem_text(const void *p, size_t len)
{
    char *t = mem_new(len + 1, 1);
    if (len)
        memcpy(t, p, len);
    return t;
}

void mem_wipe(void *p, size_t len)
{
    volatile unsigned char *v = p;
    while (len--)
        *v++ = 0;
}
