#include "cmd/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *name_of(enum program p)
{
    return p == PROGRAM_TERN ? "tern" : "tern-server";
}

int program_complain(enum program p, const char *text)
{
    fprintf(stderr, "%s: %s\n", name_of(p), text);
    return STATUS_USAGE;
}

int program_print(enum program p, void (*make)(struct buf *out, enum program p))
{
    struct buf out;
    buf_init(&out, 1u << 16);
    make(&out, p);
    fwrite(buf_data(&out), 1, buf_len(&out), stdout);
    buf_fini(&out);
    if (fflush(stdout) == 0)
        return 0;
    fprintf(stderr, "%s: stdout: %s\n", name_of(p), strerror(errno));
    return 1;
}

void program_open_std_fds(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
}

bool program_flag(const struct options *o, enum option_id id)
{
    return options_number(o, id, 0) != 0;
}

int program_mosh_prediction(enum predict_when *when, bool *overwrite)
{
    static const char *const modes[] = {[PREDICT_ADAPTIVE] = "adaptive",
                                        [PREDICT_ALWAYS] = "always",
                                        [PREDICT_NEVER] = "never",
                                        [PREDICT_EXPERIMENTAL] = "experimental"};
    const char *mode = getenv("MOSH_PREDICTION_DISPLAY");
    const char *over = getenv("MOSH_PREDICTION_OVERWRITE");
    if (over)
        *overwrite = !strcmp(over, "yes");
    if (!mode)
        return 0;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (!strcmp(mode, modes[i])) {
            *when = (enum predict_when)i;
            return 0;
        }
    }
    fprintf(stderr, "Unknown prediction mode %s.\n", mode);
    return 1;
}
