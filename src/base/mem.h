/* Memory that is there or the process is not: right only because every size a peer controls is
 * capped before it gets here (docs/adr). BUG() is for our own mistakes, never for a peer's. */
#ifndef TERN_BASE_MEM_H
#define TERN_BASE_MEM_H

#include <stddef.h>

/* Zeroed memory for n objects of size bytes; aborts when there is none or n*size overflows. free()
 * it. */
void *mem_new(size_t n, size_t size) __attribute__((malloc, returns_nonnull));

/* realloc to n objects of size bytes; new bytes are not zeroed. Aborts like mem_new. */
void *mem_resize(void *p, size_t n, size_t size) __attribute__((returns_nonnull));

/* A copy of len bytes with a NUL behind them. free() it. */
char *mem_text(const void *p, size_t len) __attribute__((malloc, returns_nonnull));

/* Overwrite a secret; never optimised away. */
void mem_wipe(void *p, size_t len);

_Noreturn void bug_at(const char *file, int line, const char *what);
#define BUG(what) bug_at(__FILE__, __LINE__, what)
#define BUG_ON(cond)                                                                               \
    do {                                                                                           \
        if (__builtin_expect(!!(cond), 0))                                                         \
            bug_at(__FILE__, __LINE__, #cond);                                                     \
    } while (0)

#endif
