/* Settings of a damage as text. */
#include "damage.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A finite number >= 0 and what stands behind it. */
static int parse_number(const char *text, double *v, const char **unit)
{
    char *end;
    if (*text != '.' && (*text < '0' || *text > '9'))
        return ERR_SYNTAX; /* no sign, no blank, no inf or nan */
    *v = strtod(text, &end);
    *unit = end;
    return end != text && isfinite(*v) ? 0 : ERR_SYNTAX;
}

int damage_parse_time(const char *text, uint64_t *us)
{
    double v;
    const char *unit;
    if (parse_number(text, &v, &unit))
        return ERR_SYNTAX;
    if (!*unit || !strcmp(unit, "ms"))
        v *= 1e3;
    else if (!strcmp(unit, "s"))
        v *= 1e6;
    else if (strcmp(unit, "us") != 0)
        return ERR_SYNTAX;
    if (v > (double)DAMAGE_TIME_MAX)
        return ERR_SYNTAX;
    *us = (uint64_t)(v + 0.5);
    return 0;
}

int damage_parse_share(const char *text, double *share)
{
    double v;
    const char *unit;
    if (parse_number(text, &v, &unit))
        return ERR_SYNTAX;
    if (!strcmp(unit, "%"))
        v /= 100;
    else if (*unit)
        return ERR_SYNTAX;
    if (v > 1)
        return ERR_SYNTAX;
    *share = v;
    return 0;
}

/* A number with k, m or g (powers of 1000) and then, if it is not NULL, maybe the word `tail`. */
static int parse_scaled(const char *text, const char *tail, double max, double *out)
{
    static const char letter[] = "kmg";
    double v;
    const char *unit;
    if (parse_number(text, &v, &unit))
        return ERR_SYNTAX;
    const char *at = *unit ? strchr(letter, *unit | 0x20) : NULL;
    if (at && *at) {
        for (const char *l = letter; l <= at; l++)
            v *= 1000;
        unit++;
    }
    if ((*unit && (!tail || strcmp(unit, tail) != 0)) || v > max)
        return ERR_SYNTAX;
    *out = v;
    return 0;
}

int damage_parse_rate(const char *text, double *bits)
{
    return parse_scaled(text, "bit", 1e12, bits);
}

int damage_parse_count(const char *text, uint64_t *n)
{
    double v;
    if (parse_scaled(text, NULL, 1e15, &v))
        return ERR_SYNTAX;
    *n = (uint64_t)v;
    return 0;
}

/* ---- what each key does; none changes anything when it fails ---- */

struct key {
    const char *name;
    int (*apply)(struct damage *d, const struct key *k, const char *value);
    size_t at;   /* offset in struct damage_settings */
    bool lonely; /* takes no value */
};

static void *field(struct damage *d, const struct key *k)
{
    return (char *)&d->set + k->at;
}

static int set_share(struct damage *d, const struct key *k, const char *value)
{
    return damage_parse_share(value, field(d, k));
}

static int set_time(struct damage *d, const struct key *k, const char *value)
{
    return damage_parse_time(value, field(d, k));
}

static int set_rtt(struct damage *d, const struct key *k, const char *value)
{
    uint64_t us;
    if (damage_parse_time(value, &us))
        return ERR_SYNTAX;
    d->set.delay_us = us / 2;
    return 0;
}

static int set_rate(struct damage *d, const struct key *k, const char *value)
{
    if (damage_parse_rate(value, &d->set.rate))
        return ERR_SYNTAX;
    d->link_free_ns = 0; /* what waits keeps the times it was given */
    return 0;
}

static int set_queue(struct damage *d, const struct key *k, const char *value)
{
    uint64_t bytes = 0, us = 0;
    size_t n = strlen(value);
    bool timed = n > 0 && value[n - 1] == 's';
    if (timed ? damage_parse_time(value, &us) : damage_parse_count(value, &bytes))
        return ERR_SYNTAX;
    d->set.queue_us = us;
    d->set.queue_bytes = bytes;
    return 0;
}

static int set_size(struct damage *d, const struct key *k, const char *value)
{
    uint64_t n;
    if (damage_parse_count(value, &n))
        return ERR_SYNTAX;
    *(size_t *)field(d, k) = (size_t)n;
    return 0;
}

static int set_seed(struct damage *d, const struct key *k, const char *value)
{
    char *end;
    if (*value < '0' || *value > '9')
        return ERR_SYNTAX;
    errno = 0;
    unsigned long long seed = strtoull(value, &end, 0);
    if (*end || errno)
        return ERR_SYNTAX;
    damage_seed(d, seed);
    return 0;
}

static int set_down(struct damage *d, const struct key *k, const char *value)
{
    damage_down(d, true);
    return 0;
}

static int set_up(struct damage *d, const struct key *k, const char *value)
{
    damage_down(d, false);
    return 0;
}

static int set_stall(struct damage *d, const struct key *k, const char *value)
{
    damage_stall(d, true);
    return 0;
}

static int set_unstall(struct damage *d, const struct key *k, const char *value)
{
    damage_stall(d, false);
    return 0;
}

#define AT(member) offsetof(struct damage_settings, member)

static const struct key keys[] = {
    {"loss", set_share, AT(loss), false},
    {"ge_p", set_share, AT(ge_p), false},
    {"ge_r", set_share, AT(ge_r), false},
    {"reorder", set_share, AT(reorder), false},
    {"dup", set_share, AT(dup), false},
    {"corrupt", set_share, AT(corrupt), false},
    {"delay", set_time, AT(delay_us), false},
    {"jitter", set_time, AT(jitter_us), false},
    {"rtt", set_rtt, 0, false},
    {"rate", set_rate, 0, false},
    {"queue", set_queue, 0, false},
    {"mtu", set_size, AT(mtu), false},
    {"memory", set_size, AT(memory), false},
    {"seed", set_seed, 0, false},
    {"down", set_down, 0, true},
    {"up", set_up, 0, true},
    {"stall", set_stall, 0, true},
    {"unstall", set_unstall, 0, true},
};

int damage_set_key(struct damage *d, const char *key, const char *value)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct key *k = &keys[i];
        if (strcmp(k->name, key) != 0)
            continue;
        if (k->lonely != !value)
            return ERR_SYNTAX;
        return k->apply(d, k, value);
    }
    return ERR_SYNTAX;
}

int damage_set(struct damage *d, const char *text)
{
    char word[128];
    text += strspn(text, " \t\r\n");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        len--;
    if (len >= sizeof word)
        return ERR_SYNTAX;
    memcpy(word, text, len);
    word[len] = '\0';
    char *value = strpbrk(word, "= \t");
    if (value) {
        char *rest = value + strspn(value, " \t");
        rest += *rest == '=';
        rest += strspn(rest, " \t");
        *value = '\0';
        value = rest;
    }
    return damage_set_key(d, word, value);
}
