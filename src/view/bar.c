#include "view/bar.h"

#define SECOND 1000000u
#define NEVER  UINT64_MAX
/* mosh-protocol.md §11. */
#define CONTACT_LATE (6500 * 1000u)
#define REPLY_LATE   (10 * SECOND)
#define CONNECT_LATE (250 * 1000u)
#define SLOW_AFTER   (60 * SECOND)
#define SLOW_REDRAW  (3 * SECOND)
/* Natively: a datagram younger than this means that the way here works. */
#define NATIVE_FRESH (1500 * 1000u)

static uint64_t age(uint64_t then, uint64_t now)
{
    return now > then ? now - then : 0;
}

enum late { LATE_NOT, LATE_CONTACT, LATE_REPLY };

/* Which clock is to be told, and how long ago it was. */
static enum late late_kind(const struct bar_facts *f, uint64_t now, uint64_t *ago)
{
    uint64_t contact = age(f->contact_us, now), reply = age(f->reply_us, now);
    if (!f->connected)
        return LATE_NOT;
    if (f->kind == BAR_NATIVE) {
        if (!f->quiet)
            return LATE_NOT;
        *ago = contact;
        if (contact >= NATIVE_FRESH || reply <= contact)
            return LATE_CONTACT;
        *ago = reply;
        return LATE_REPLY;
    }
    *ago = contact;
    if (contact > CONTACT_LATE)
        return LATE_CONTACT;
    *ago = reply;
    return reply > REPLY_LATE ? LATE_REPLY : LATE_NOT;
}

/* "N seconds" (or another unit), from a minute on "M:SS", then "H:MM:SS". */
static void put_duration(struct buf *out, uint64_t us, const char *unit)
{
    uint64_t s = us / SECOND;
    if (s < 60)
        buf_printf(out, "%u %s", (unsigned)s, unit);
    else if (s < 3600)
        buf_printf(out, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
    else
        buf_printf(out, "%llu:%02u:%02u", (unsigned long long)(s / 3600), (unsigned)(s / 60 % 60),
                   (unsigned)(s % 60));
}

static void put_hint(struct buf *out, const struct bar_facts *f)
{
    if (f->quit && f->quit[0])
        buf_printf(out, " [To quit: %s]", f->quit);
}

static bool has_message(const struct bar_facts *f, uint64_t now)
{
    return f->message && now < f->message_until_us;
}

static bool connecting(const struct bar_facts *f, uint64_t now)
{
    return !f->connected && age(f->since_us, now) >= CONNECT_LATE;
}

/* mosh counts in brackets behind every text once the clock is late. */
static void put_without_contact(struct buf *out, const struct bar_facts *f, uint64_t now)
{
    uint64_t quiet = age(f->since_us, now);
    if (f->kind != BAR_STOCK || quiet <= CONTACT_LATE)
        return;
    buf_put_text(out, " (");
    put_duration(out, quiet, "s");
    buf_put_text(out, " without contact.)");
}

static void put_connecting(struct buf *out, const struct bar_facts *f, uint64_t now)
{
    if (age(f->since_us, now) >= BAR_CONNECT_US && f->kind == BAR_STOCK)
        buf_put_text(out, "Timed out waiting for server...");
    else if (f->port)
        buf_printf(out, "Nothing received from server on UDP port %u.", f->port);
    else
        buf_put_text(out, "Nothing received from server.");
    put_without_contact(out, f, now);
}

bool bar_text(const struct bar_facts *f, uint64_t now_us, struct buf *out)
{
    uint64_t ago = 0;
    enum late late = late_kind(f, now_us, &ago);
    const char *what = late == LATE_CONTACT ? "contact" : "reply";
    bool message = has_message(f, now_us), hint = !(message && f->message_plain);
    if (!message && late == LATE_NOT && !connecting(f, now_us))
        return false;
    buf_printf(out, "%s: ", f->prefix);
    if (message) {
        buf_put_text(out, f->message);
        if (late != LATE_NOT) {
            buf_put_text(out, " (");
            put_duration(out, ago, "s");
            buf_printf(out, " without %s.)", what);
        } else if (!f->connected && hint) {
            put_without_contact(out, f, now_us);
        }
    } else if (late != LATE_NOT) {
        buf_printf(out, "Last %s ", what);
        /* mosh never has a "1 second": it shows nothing before the seventh. */
        put_duration(out, ago, ago / SECOND == 1 ? "second" : "seconds");
        buf_put_text(out, " ago.");
    } else {
        put_connecting(out, f, now_us);
    }
    if (hint)
        put_hint(out, f);
    return true;
}

void bar_wrap(struct buf *text, uint16_t cols)
{
    uint8_t *p = text->mem + text->start;
    size_t len = buf_len(text), line = 0, space = 0;
    for (size_t i = 0; i < len; i++) {
        if (p[i] == ' ')
            space = i;
        if (i - line < cols || space <= line)
            continue;
        p[space] = '\n';
        line = space + 1;
    }
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The next moment after now that is a whole number of `step` from `then`. */
static uint64_t next_tick(uint64_t then, uint64_t now, uint64_t step)
{
    return now < then ? then : then + ((now - then) / step + 1) * step;
}

uint64_t bar_deadline(const struct bar_facts *f, uint64_t now_us)
{
    uint64_t at = NEVER, ago;
    if (has_message(f, now_us))
        at = sooner(at, f->message_until_us);
    if (!f->connected) {
        uint64_t quiet = age(f->since_us, now_us);
        if (quiet < CONNECT_LATE)
            at = sooner(at, f->since_us + CONNECT_LATE);
        else if (quiet <= CONTACT_LATE && f->kind == BAR_STOCK)
            at = sooner(at, f->since_us + CONTACT_LATE + 1);
        else if (f->kind == BAR_STOCK)
            at = sooner(at,
                        next_tick(f->since_us, now_us, quiet >= SLOW_AFTER ? SLOW_REDRAW : SECOND));
        return at;
    }
    enum late late = late_kind(f, now_us, &ago);
    if (late != LATE_NOT)
        at = sooner(at, next_tick(late == LATE_CONTACT ? f->contact_us : f->reply_us, now_us,
                                  ago >= SLOW_AFTER ? SLOW_REDRAW : SECOND));
    /* Contact is told before reply once it is late as well. */
    if (late == LATE_REPLY)
        at = sooner(at, f->contact_us + (f->kind == BAR_NATIVE ? NATIVE_FRESH : CONTACT_LATE + 1));
    if (late != LATE_NOT)
        return at;
    if (f->kind == BAR_NATIVE)
        return at; /* the caller knows when the link turns quiet */
    at = sooner(at, f->contact_us + CONTACT_LATE + 1);
    return sooner(at, f->reply_us + REPLY_LATE + 1);
}
