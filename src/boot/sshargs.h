/* The command line of tern as a stand-in for ssh: tern's own long options apart, ssh's options
 * understood as far as their ways part (openssh-mux.md §2). ssh has no long options, so nothing is
 * ambiguous. */
#ifndef TERN_BOOT_SSHARGS_H
#define TERN_BOOT_SSHARGS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Words of one command line that we handle. */
#define SSHARGS_MAX   4096
#define SSHARGS_ERROR 300

struct sshargs {
    /* All arrays are owned, NULL-terminated lists of borrowed words (from argv), except split
     * clusters, which live in `made`. */
    const char **own;         /* tern's long options, for options_parse (without argv[0]) */
    const char **all;         /* everything that is ssh's, in order: what plain ssh is run with */
    const char **pass;        /* options for the bootstrap ssh: authentication and connection */
    const char **but_control; /* all of ssh's options but -O, which ssh -G judges by its version */
    size_t own_n, all_n, pass_n, but_control_n;
    const char *host;           /* [user@]host or ssh://…; NULL: none was given */
    const char *const *command; /* what stands behind the host; borrowed */
    size_t command_n;
    char **made; /* owned texts */
    size_t made_n;

    int tty;             /* -t once: 1, twice: 2; -T: -1 */
    int verbose;         /* -v */
    bool quiet;          /* -q */
    bool version;        /* -V */
    const char *escape;  /* -e */
    const char *log;     /* -E */
    bool forwards;       /* -L, -D, -R, -A, -X or -Y */
    bool lends;          /* -A, -X or -Y */
    const char *stdio;   /* -W */
    const char *control; /* -O */
    /* -M, -S and -o ControlMaster, ControlPath, ControlPersist: the first value of each, owned by
     * `made` or borrowed; NULL: not given. */
    const char *control_master, *control_path, *control_persist;
    int masters;        /* -M, so often */
    bool master_letter; /* it was the first to say ControlMaster */
    char plain;         /* the first option that only ssh itself can serve, e.g. 'X', or 0 */
};

/* takes_value says whether a long option of ours ("--name", without value behind '=') takes the
 * next word. 0, or ERR_SYNTAX or ERR_CAP with one line in err. */
int MUST_USE sshargs_parse(struct sshargs *a, int argc, char *const *argv,
                           bool (*takes_value)(const char *word), char err[static SSHARGS_ERROR]);
void sshargs_fini(struct sshargs *a);

#endif
