#include "io/harden.h"

#include <stdbool.h>
#include <sys/resource.h>

/* PR_SET_DUMPABLE 0 is not used: it gives /proc/self to root, and descriptors could then not be
 * opened anew through /proc/self/fd (pipe.h). */
static struct rlimit was;
static bool changed;

void harden_no_core(void)
{
    if (changed || getrlimit(RLIMIT_CORE, &was))
        return;
    struct rlimit none = {.rlim_cur = 0, .rlim_max = was.rlim_max};
    changed = setrlimit(RLIMIT_CORE, &none) == 0;
}

void harden_restore_core(void)
{
    if (changed)
        setrlimit(RLIMIT_CORE, &was);
}
