#include "io/utmp.h"

#include "io/proc_impl.h"
#include "io/run.h"

#include <glob.h>
#include <signal.h>
#include <string.h>
#include <stdio.h>
#include <unistd.h>

#define WAIT_US 500000u

bool utmp_helper(char *path, size_t size)
{
    static const char *const places[] = {
        "/usr/lib/utempter/utempter",
        "/usr/lib/*/utempter/utempter", /* Debian: by architecture */
        "/usr/lib64/utempter/utempter",
        "/usr/libexec/utempter/utempter",
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        glob_t g = {0};
        bool found = !glob(places[i], GLOB_NOSORT, NULL, &g) && !access(g.gl_pathv[0], X_OK) &&
                     strlen(g.gl_pathv[0]) < size;
        if (found)
            snprintf(path, size, "%s", g.gl_pathv[0]);
        globfree(&g);
        if (found)
            return true;
    }
    return false;
}

static void on_added(void *ctx, const struct proc_exit *x)
{
    struct utmp_entry *e = ctx;
    e->in = !x->signal && x->status == 0;
    proc_free(e->adding);
    e->adding = NULL;
}

/* One that hangs is killed: it must not put an entry in later. */
static void settle(struct utmp_entry *e)
{
    if (e->adding && !proc_wait(e->adding, WAIT_US)) {
        proc_kill(e->adding, SIGKILL);
        proc_free(e->adding);
        e->adding = NULL;
    }
}

/* The helper finds the terminal by its stdin and stdout. */
void utmp_add(struct utmp_entry *e, struct loop *l, const char *helper, int master,
              const char *host)
{
    const char *const argv[] = {helper, "add", host, NULL};
    settle(e);
    if (proc_prepare(l))
        return;
    pid_t pid = run_start(&(struct run){.argv = argv, .fds = {master, master, -1}});
    if (pid > 0)
        e->adding = proc_adopt(l, pid, -1, on_added, e);
}

bool utmp_remove(struct utmp_entry *e, const char *helper, int master)
{
    const char *const argv[] = {helper, "del", NULL};
    settle(e);
    if (!e->in || !helper)
        return false;
    e->in = false;
    return run_ask(&(struct run){.argv = argv, .fds = {master, master, -1}}, WAIT_US, NULL, 0) == 0;
}
