#include "io/harden.h"

#include <stdbool.h>
#include <sys/resource.h>

/* PR_SET_DUMPABLE 0 is not used: it gives /proc/self to root, and descriptors could then not be
 * opened anew through /proc/self/fd (pipe.h). */

struct changed {
    bool is;
    struct rlimit was;
};

static struct changed core, files;

static void change(int resource, struct changed *c, rlim_t to)
{
    struct rlimit l;
    if (c->is || getrlimit(resource, &l))
        return;
    c->was = l;
    l.rlim_cur = to > l.rlim_max ? l.rlim_max : to;
    c->is = setrlimit(resource, &l) == 0;
}

void harden_no_core(void)
{
    change(RLIMIT_CORE, &core, 0);
}

void harden_many_files(void)
{
    struct rlimit l;
    if (!getrlimit(RLIMIT_NOFILE, &l) && l.rlim_cur < HARDEN_FILES)
        change(RLIMIT_NOFILE, &files, HARDEN_FILES);
}

void harden_restore(void)
{
    if (core.is)
        setrlimit(RLIMIT_CORE, &core.was);
    if (files.is)
        setrlimit(RLIMIT_NOFILE, &files.was);
}
