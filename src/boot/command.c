#include "boot/boot.h"

#include "base/mem.h"
#include "boot/ssh.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More words than any command of ours has. */
#define WORDS_MAX 16

static void add(struct boot_command *cmd, const char *word)
{
    BUG_ON(cmd->argc >= WORDS_MAX);
    cmd->argv[cmd->argc++] = mem_text(word, strlen(word));
}

/* tern-server in the folder of our own executable, so that a build tree and an installation both
 * find their own; else the name alone, for PATH. */
static void own_server(char out[static PATH_MAX])
{
    static const char name[] = "tern-server";
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - sizeof name - 1);
    if (n > 0) {
        out[n] = 0;
        char *slash = strrchr(out, '/');
        memcpy(slash ? slash + 1 : out, name, sizeof name);
        if (slash && access(out, X_OK) == 0)
            return;
    }
    memcpy(out, name, sizeof name);
}

void boot_command_init(struct boot_command *cmd, const char *command, const char *const *args)
{
    cmd->argc = 0;
    cmd->argv = mem_new(WORDS_MAX + 1, sizeof *cmd->argv);
    if (!command) {
        char path[PATH_MAX];
        own_server(path);
        add(cmd, path);
        for (; args && *args; args++)
            add(cmd, *args);
        return;
    }
    /* One text for a shell, as ssh hands it to the shell of a login. */
    struct buf text;
    buf_init(&text, 1u << 20);
    buf_put_text(&text, command);
    for (; args && *args; args++) {
        buf_put_u8(&text, ' ');
        ssh_quote(&text, *args);
    }
    buf_put_u8(&text, 0);
    add(cmd, "/bin/sh");
    add(cmd, "-c");
    add(cmd, buf_err(&text) ? command : (const char *)buf_data(&text));
    buf_fini(&text);
}

void boot_command_fini(struct boot_command *cmd)
{
    for (size_t i = 0; i < cmd->argc; i++)
        free(cmd->argv[i]);
    free(cmd->argv);
    *cmd = (struct boot_command){0};
}

const char *boot_command_text(const char *command)
{
    return command ? command : "tern-server";
}

void boot_nonce(const struct entropy *e, char out[static CONNECT_NONCE_MAX + 1])
{
    /* 64 symbols would need '-' or '_', which a nonce must not hold: draw again for those two. */
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t n = 0; n < BOOT_NONCE;) {
        uint8_t b;
        e->fill(e->ctx, &b, 1);
        if ((b & 63) < 62)
            out[n++] = digits[b & 63];
    }
    out[BOOT_NONCE] = 0;
}
