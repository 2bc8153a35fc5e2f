#include "session/status.h"

#include <stdio.h>

void status_init(struct status *s, const char *session, uint64_t now_us)
{
    *s = (struct status){.since_us = now_us};
    snprintf(s->session, sizeof s->session, "%s", session ? session : "");
    buf_init(&s->text, STATUS_TEXT_MAX);
}

void status_fini(struct status *s)
{
    buf_fini(&s->text);
}

/* ---- figures ---- */

/* "999 B", "1.0 kB", "23.4 MB" */
static void put_size(struct buf *out, uint64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) {
        buf_printf(out, "%u B", (unsigned)bytes);
        return;
    }
    size_t unit = 0;
    uint64_t tenths = bytes / 100;
    for (; tenths >= 10000; tenths /= 1000)
        unit++;
    buf_printf(out, "%u.%u %s", (unsigned)(tenths / 10), (unsigned)(tenths % 10), units[unit]);
}

/* "0.07 ms", "7.5 ms", "51 ms" */
static void put_ms(struct buf *out, uint64_t us)
{
    if (us < 1000)
        buf_printf(out, "0.%02u ms", (unsigned)(us / 10));
    else if (us < 10000)
        buf_printf(out, "%u.%u ms", (unsigned)(us / 1000), (unsigned)(us % 1000 / 100));
    else
        buf_printf(out, "%llu ms", (unsigned long long)(us / 1000));
}

/* "7 s", "12:05", "3:12:05" */
static void put_duration(struct buf *out, uint64_t us)
{
    uint64_t s = us / 1000000;
    if (s < 60)
        buf_printf(out, "%u s", (unsigned)s);
    else if (s < 3600)
        buf_printf(out, "%u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
    else
        buf_printf(out, "%llu:%02u:%02u", (unsigned long long)(s / 3600), (unsigned)(s / 60 % 60),
                   (unsigned)(s % 60));
}

/* ---- lines ---- */

static void put_session(const struct status *s, uint64_t now_us, struct buf *out)
{
    if (s->session[0])
        buf_printf(out, "session %s, ", s->session);
    else
        buf_put_text(out, "a stock mosh-server's session, ");
    put_duration(out, now_us - s->since_us);
    buf_printf(out, "; %llu screens came, %llu drawn; ", (unsigned long long)s->screens,
               (unsigned long long)s->frames);
    put_size(out, s->typed);
    buf_put_text(out, " typed");
}

static void put_path(const struct link *link, uint64_t now_us, struct buf *out)
{
    char path[PATH_TEXT];
    uint64_t floor = link_rtt_floor_us(link), heard = link_heard_us(link);
    link_path_text(link, path);
    buf_printf(out, "path %s", path);
    if (floor) {
        buf_put_text(out, "; RTT ");
        put_ms(out, link_srtt_us(link));
        buf_put_text(out, ", least ");
        put_ms(out, floor);
    }
    buf_printf(out, "; loss %u %%", (unsigned)(link_loss(link, now_us) * 100 + 0.5));
    if (heard) {
        buf_put_text(out, "; heard ");
        put_duration(out, now_us - heard);
        buf_put_text(out, " ago");
    }
}

static void put_wire(const struct lane *l, struct buf *out)
{
    const struct link_counters *k = link_counters(l->link);
    struct quic_counters q = {0};
    if (l->streams)
        q = streams_counters(l->streams);
    buf_printf(out, "wire: %llu datagrams sent, ", (unsigned long long)k->sent + q.sent);
    put_size(out, k->sent_bytes + q.sent_bytes);
    buf_printf(out, "; %llu received, ", (unsigned long long)k->received + q.received);
    put_size(out, k->received_bytes + q.received_bytes);
    if (!q.sent)
        return;
    buf_put_text(out, "; of it channels' ");
    put_size(out, q.sent_bytes);
    buf_put_text(out, ", ");
    put_size(out, q.received_bytes);
}

void status_put_channel(const struct chan *c, struct buf *out)
{
    struct chan_counters k;
    chan_counters(c, &k);
    buf_printf(out, "#%u %s, %s: sent ", (unsigned)chan_number(c), chan_kind_text(chan_kind(c)),
               chan_state_text(c));
    put_size(out, k.sent[CHAN_DATA] + k.sent[CHAN_STDERR]);
    buf_put_text(out, ", received ");
    put_size(out, k.received[CHAN_DATA] + k.received[CHAN_STDERR]);
    buf_printf(out, "; window %u kB, may send %u kB", (unsigned)(k.window >> 10),
               (unsigned)(k.may_send >> 10));
}

/* The channel with the least number above `last`; NULL: there is none. */
static const struct chan *next_channel(struct chans *chans, uint32_t last)
{
    const struct chan *c, *best = NULL;
    for (size_t i = 0; (c = chans_at(chans, i)); i++)
        if (chan_number(c) > last && (!best || chan_number(c) < chan_number(best)))
            best = c;
    return best;
}

static void put_channels(struct chans *chans, size_t lines, struct buf *out)
{
    const struct chan *c;
    uint32_t last = 0;
    for (; lines && (c = next_channel(chans, last)); lines--) {
        buf_put_u8(out, '\n');
        status_put_channel(c, out);
        last = chan_number(c);
    }
}

void status_show(struct status *s, const struct lane *l, unsigned rows, uint64_t now_us)
{
    enum { HEAD = 4 };
    struct buf *out = &s->text;
    struct chans *chans = l->streams ? streams_list(l->streams) : NULL;
    size_t count = chans ? chans_count(chans) : 0, shown = 0;
    buf_clear(out);
    put_session(s, now_us, out);
    if (rows > 1)
        buf_put_u8(out, '\n'), put_path(l->link, now_us, out);
    if (rows > 2)
        buf_put_u8(out, '\n'), put_wire(l, out);
    if (rows > 3)
        buf_printf(out, count == 1 ? "\n%zu channel" : "\n%zu channels", count);
    if (rows > HEAD)
        shown = count > rows - HEAD ? rows - HEAD - 1 : count;
    put_channels(chans, shown, out);
    if (rows > HEAD && shown < count)
        buf_printf(out, "\n... %zu more", count - shown);
    buf_put_u8(out, 0);
    s->until_us = now_us + STATUS_SHOWN_US;
    if (buf_err(out))
        status_hide(s);
}

void status_resize(struct status *s, const struct lane *l, unsigned rows, uint64_t now_us)
{
    if (status_text(s, now_us))
        status_show(s, l, rows, now_us);
}

void status_hide(struct status *s)
{
    s->until_us = 0;
    buf_release(&s->text);
    buf_clear(&s->text);
}

const char *status_text(const struct status *s, uint64_t now_us)
{
    return now_us < s->until_us ? (const char *)buf_data(&s->text) : NULL;
}
