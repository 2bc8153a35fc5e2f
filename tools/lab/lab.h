/* What linklab and udprelay share: damaged directions on the real clock, the words that set them,
 * and a control socket with a timeline. Edge code. */
#ifndef TERN_TOOLS_LAB_H
#define TERN_TOOLS_LAB_H

#include "damage.h"

#include <poll.h>

enum { LAB_C2S, LAB_S2C, LAB_DIRS };
#define LAB_PATHS 2

struct lab {
    const char *name; /* of the program, for messages */
    size_t paths;
    struct damage dir[LAB_PATHS][LAB_DIRS];
    uint64_t start_us;
    uint64_t seed;
};

uint64_t lab_now(void); /* monotonic, us */
_Noreturn void lab_die(const struct lab *lab, const char *fmt, ...) PRINTF_LIKE(2, 3);

void lab_init(struct lab *lab, const char *name, size_t paths);
void lab_fini(struct lab *lab);

/* Apply one setting to the directions that its selectors name (p0. p1. c2s. s2c., none: all);
 * "seed" gives every direction its own row. 0 or ERR_SYNTAX. */
int MUST_USE lab_set(struct lab *lab, const char *key, const char *value);
/* Strip the path selectors from *key; the mask of paths they name (none: all). For settings that
 * only the tool knows. -1: another selector or a path that is not there. */
int lab_select_paths(const struct lab *lab, const char **key);

/* {"t":..,"p0.c2s":{..},..} */
void lab_stats(const struct lab *lab, char *out, size_t size);
void lab_reset_stats(struct lab *lab);
uint64_t lab_deadline(const struct lab *lab);

/* ---- control: lines in, one line of answer each; and commands at a later time ---- */

#define LAB_LINE    1024
#define LAB_ANSWER  4096
#define LAB_CLIENTS 16
#define LAB_TIMERS  256
#define LAB_POLLS   (1 + LAB_CLIENTS) /* most that control_polls writes */

struct control_client {
    int fd;
    size_t len;
    char line[LAB_LINE];
};
struct control_timer {
    uint64_t at_us;
    char line[200];
};

struct control {
    struct lab *lab;
    /* Words of a command that is not common; writes "err ..." into out when it makes no sense. */
    void (*command)(void *ctx, char **words, size_t count, char *out, size_t size);
    void *ctx;
    bool quit;
    int listener; /* -1: none */
    char path[108];
    struct control_client client[LAB_CLIENTS];
    size_t clients;
    struct control_timer timer[LAB_TIMERS];
    size_t timers;
};

/* path NULL: no socket, only the timeline. Removes a stale socket; dies when it cannot listen. */
void control_init(struct control *c, struct lab *lab, const char *path);
void control_fini(struct control *c);
size_t control_polls(const struct control *c, struct pollfd *out);
/* After poll, with the same array. */
void control_serve(struct control *c, const struct pollfd *polls, size_t count);
void control_run_due(struct control *c, uint64_t now_us);
uint64_t control_deadline(const struct control *c);
/* Run one command line; out gets the answer with its newline. */
void control_line(struct control *c, const char *line, char *out, size_t size);
/* ppoll until when_us (DAMAGE_NEVER: for ever). */
void lab_wait(struct pollfd *polls, size_t count, uint64_t when_us);

/* The other end: send words as one line to the socket at path, print the answer; exit status. */
int control_ask(const char *path, size_t count, char **words);

#endif
