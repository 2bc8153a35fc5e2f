#include "lab.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t lab_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

void lab_die(const struct lab *lab, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "%s: ", lab->name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

#define EACH_DIR(lab, p, k)                                                                        \
    for (size_t p = 0; p < (lab)->paths; p++)                                                      \
        for (size_t k = 0; k < LAB_DIRS; k++)

static void seed_all(struct lab *lab, uint64_t seed)
{
    lab->seed = seed;
    EACH_DIR(lab, p, k)
    damage_seed(&lab->dir[p][k], seed * LAB_PATHS * LAB_DIRS + p * LAB_DIRS + k);
}

void lab_init(struct lab *lab, const char *name, size_t paths)
{
    memset(lab, 0, sizeof *lab);
    lab->name = name;
    lab->paths = paths;
    lab->start_us = lab_now();
    EACH_DIR(lab, p, k)
    damage_init(&lab->dir[p][k], 0);
    seed_all(lab, 1);
}

void lab_fini(struct lab *lab)
{
    EACH_DIR(lab, p, k)
    damage_fini(&lab->dir[p][k]);
}

/* Masks of the selectors before a key, which *key is moved behind. -1: an unknown one. */
static int select_dirs(const struct lab *lab, const char **key, unsigned *paths, unsigned *dirs)
{
    static const char *const names[] = {"p0", "p1", "c2s", "s2c"};
    *paths = *dirs = 0;
    for (const char *dot; (dot = strchr(*key, '.')); *key = dot + 1) {
        size_t len = (size_t)(dot - *key), i = 0;
        while (i < 4 && (strlen(names[i]) != len || memcmp(names[i], *key, len) != 0))
            i++;
        if (i == 4 || (i < 2 && i >= lab->paths))
            return -1;
        if (i < 2)
            *paths |= 1u << i;
        else
            *dirs |= 1u << (i - 2);
    }
    if (!*paths)
        *paths = (1u << lab->paths) - 1;
    if (!*dirs)
        *dirs = (1u << LAB_DIRS) - 1;
    return 0;
}

int lab_select_paths(const struct lab *lab, const char **key)
{
    unsigned paths, dirs;
    if (select_dirs(lab, key, &paths, &dirs) || dirs != (1u << LAB_DIRS) - 1)
        return -1;
    return (int)paths;
}

int lab_set(struct lab *lab, const char *key, const char *value)
{
    unsigned paths, dirs;
    if (select_dirs(lab, &key, &paths, &dirs))
        return ERR_SYNTAX;
    if (!strcmp(key, "seed")) {
        char *end;
        uint64_t seed = value ? strtoull(value, &end, 0) : 0;
        if (!value || *value < '0' || *value > '9' || *end)
            return ERR_SYNTAX;
        seed_all(lab, seed);
        return 0;
    }
    EACH_DIR(lab, p, k)
    {
        if (!(paths >> p & 1) || !(dirs >> k & 1))
            continue;
        int err = damage_set_key(&lab->dir[p][k], key, value);
        if (err)
            return err; /* the first one already: no direction was changed */
    }
    return 0;
}

void lab_stats(const struct lab *lab, char *out, size_t size)
{
    uint64_t now = lab_now();
    size_t at = (size_t)snprintf(out, size, "{\"t\":%.6f", (double)(now - lab->start_us) / 1e6);
    EACH_DIR(lab, p, k)
    {
        char one[640];
        damage_stats_json(&lab->dir[p][k], now, one, sizeof one);
        if (at < size)
            at += (size_t)snprintf(out + at, size - at, ",\"p%zu.%s\":%s", p,
                                   k == LAB_C2S ? "c2s" : "s2c", one);
    }
    if (at < size)
        snprintf(out + at, size - at, "}\n");
}

void lab_reset_stats(struct lab *lab)
{
    EACH_DIR(lab, p, k)
    lab->dir[p][k].stats = (struct damage_stats){0};
}

uint64_t lab_deadline(const struct lab *lab)
{
    uint64_t when = DAMAGE_NEVER;
    EACH_DIR(lab, p, k)
    {
        uint64_t one = damage_deadline(&lab->dir[p][k]);
        when = one < when ? one : when;
    }
    return when;
}

void lab_wait(struct pollfd *polls, size_t count, uint64_t when_us)
{
    struct timespec ts, *limit = NULL;
    if (when_us != DAMAGE_NEVER) {
        uint64_t now = lab_now();
        uint64_t left = when_us > now ? when_us - now : 0;
        ts.tv_sec = (time_t)(left / 1000000);
        ts.tv_nsec = (long)(left % 1000000) * 1000;
        limit = &ts;
    }
    if (ppoll(polls, (nfds_t)count, limit, NULL) >= 0)
        return;
    if (errno != EINTR) {
        perror("poll");
        exit(1);
    }
    for (size_t i = 0; i < count; i++)
        polls[i].revents = 0;
}
