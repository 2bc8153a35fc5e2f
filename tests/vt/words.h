/* What scripts call things. */
#ifndef TERN_VT_WORDS_H
#define TERN_VT_WORDS_H

#include "term/cell.h"

#include <stddef.h>

/* "bold curly fg=3 bg=#102030 ul=9", or "default". */
void words_of_pen(const struct pen *p, char *out, size_t max);

#endif
