#include "client/mosh.h"

#include "base/mem.h"
#include "client/attach.h"
#include "client/terminfo.h"
#include "io/loop.h"
#include "io/osrandom.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUSPEND_TEXT "\r\n\033[37;44m[mosh is suspended.]\033[m\r\n"

/* Stock sends titles to these only, whatever terminfo says. */
static bool takes_titles(const char *term)
{
    static const char *const kinds[] = {"xterm",     "rxvt",   "kterm", "Eterm",
                                        "alacritty", "screen", "tmux"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strncmp(term, kinds[i], strlen(kinds[i])))
            return true;
    return false;
}

static int learn_terminal(const struct mosh_client_options *o, struct view_facts *f)
{
    char note[TERMINFO_ERROR];
    struct terminfo_env env = {getenv("TERM"), getenv("COLORTERM"), getenv("TMUX")};
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        fprintf(stderr, "mosh-client: %s is not a terminal\n",
                isatty(STDIN_FILENO) ? "stdout" : "stdin");
        return 1;
    }
    if (terminfo_facts(&env, STDOUT_FILENO, 80, 24, f, note)) {
        fprintf(stderr, "mosh-client: %s\n", note);
        return 1;
    }
    if (f->paint.colours >= 8) { /* stock hands every colour on as it is */
        f->paint.colours = 256;
        f->paint.rgb = true;
    }
    f->all_on_alt = true;
    if (o->no_term_init || !f->smcup)
        f->smcup = f->rmcup = "";
    f->title = takes_titles(env.term);
    f->title_stack = false; /* where terminals have that, smcup does it */
    f->title_prefix = o->title_noprefix ? NULL : "[mosh] ";
    return 0;
}

static void say_not_connected(const struct mosh_client_options *o)
{
    char ip[ADDR_TEXT];
    unsigned port = o->addr.port;
    addr_format_ip(&o->addr, ip);
    fprintf(stderr,
            "\nmosh did not make a successful connection to %s:%u.\n"
            "Please verify that UDP port %u is not firewalled and can reach the server.\n\n"
            "(By default, mosh uses a UDP port between 60000 and 61000. The -p option\n"
            "selects a specific UDP port number.)\n",
            ip, port, port);
}

/* What is said once the terminal is as before; the exit status. */
static int say_end(const struct mosh_client_options *o, const struct client_result *r)
{
    if (!r->connected)
        say_not_connected(o);
    else if (!r->reached)
        fputs("\n\nmosh did not shut down cleanly. Please note that the\n"
              "mosh-server process may still be running on the server.\n",
              stderr);
    fputs("[mosh is exiting.]\n", stdout);
    return r->connected && r->reached && !fflush(stdout) ? 0 : 1;
}

int mosh_client_run(struct mosh_client_options *o)
{
    struct view_facts facts;
    if (learn_terminal(o, &facts))
        return 1;
    struct loop *loop = loop_new();
    if (!loop) {
        fprintf(stderr, "mosh-client: cannot start: %s\n", strerror(errno));
        return 1;
    }
    struct attach *a = attach_new(loop, &(struct attach_config){
                                            .program = "mosh-client",
                                            .stock = &o->connect,
                                            .addrs = &o->addr,
                                            .addr_count = 1,
                                            .transport = CLIENT_UDP,
                                            .facts = &facts,
                                            .escape = {ESCAPE_MOSH, o->escape_key},
                                            .predict = o->predict,
                                            .predict_overwrite = o->predict_overwrite,
                                            .name = "mosh",
                                            .suspend_text = SUSPEND_TEXT,
                                            .entropy = osrandom(),
                                            .log = o->log,
                                            .width = o->width,
                                        });
    mem_wipe(o->connect.key, sizeof o->connect.key);
    int status = 1;
    if (a) {
        loop_run(loop);
        struct attach_end e = attach_finish(a);
        status = say_end(o, &e.result);
        attach_linger(a);
    }
    attach_free(a);
    loop_free(loop);
    return status;
}
