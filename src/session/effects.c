#include "session/effects.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void effects_init(struct effects *f)
{
    *f = (struct effects){.count = 0};
}

void effects_fini(struct effects *f)
{
    for (size_t i = 0; i < f->count; i++)
        free(f->item[i].text);
    effects_init(f);
}

static void remove_at(struct effects *f, size_t i)
{
    f->bytes -= f->item[i].len;
    free(f->item[i].text);
    f->count--;
    memmove(&f->item[i], &f->item[i + 1], (f->count - i) * sizeof f->item[0]);
}

/* Of these only the newest counts. A clipboard's counts for its targets. */
static bool replaces(uint32_t kind, const uint8_t *text, size_t len, const struct effect *old)
{
    if (old->kind != kind)
        return false;
    if (kind == EVENT_CWD || kind == EVENT_PROGRESS || kind == EVENT_POINTER)
        return true;
    if (kind == EVENT_CLIP_ASK)
        return old->len == len && !memcmp(old->text, text, len);
    if (kind != EVENT_CLIP)
        return false;
    const uint8_t *semi = memchr(text, ';', len);
    size_t targets = semi ? (size_t)(semi - text) + 1 : len;
    return old->len >= targets && !memcmp(old->text, text, targets);
}

static void make_room(struct effects *f, uint32_t kind, const uint8_t *text, size_t len)
{
    size_t notes = 0;
    for (size_t i = f->count; i-- > 0;) {
        bool extra = f->item[i].kind == kind && kind == EVENT_NOTIFY && ++notes >= EFFECTS_NOTIFY;
        if (extra || replaces(kind, text, len, &f->item[i]))
            remove_at(f, i);
    }
    while (f->count && (f->count == EFFECTS_MAX || f->bytes + len > EFFECTS_BYTES))
        remove_at(f, 0);
}

void effects_add(struct effects *f, uint32_t kind, uint64_t value, const void *text, size_t len)
{
    if (len > EFFECT_TEXT_MAX)
        return;
    for (size_t i = f->count; kind == EVENT_BELL && i-- > 0;) {
        if (f->item[i].kind != kind)
            continue;
        value += f->item[i].value;
        remove_at(f, i);
    }
    make_room(f, kind, text, len);
    f->item[f->count++] = (struct effect){
        .number = ++f->last, .kind = kind, .value = value, .len = len, .text = mem_new(len + 1, 1)};
    memcpy(f->item[f->count - 1].text, len ? text : "", len);
    f->bytes += len;
}

void effects_join(struct effects *f, struct effects_reader *r)
{
    for (size_t i = f->count; i-- > 0;)
        if (f->item[i].kind == EVENT_CLIP_ASK) /* its program would take the answer for keys */
            remove_at(f, i);
    *r = (struct effects_reader){.number = f->shown, .whole = true};
}

/* The effect to go on with, or the next one; NULL: none. */
static const struct effect *next_of(const struct effects *f, const struct effects_reader *r)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct effect *e = &f->item[i];
        if (e->number > r->number || (e->number == r->number && !r->whole))
            return e;
    }
    return NULL;
}

static void note_acks(struct effects *f, struct effects_reader *r, uint64_t acked)
{
    size_t n = 0;
    while (n < r->flying && r->flight[n].end <= acked) {
        if (r->flight[n].number > f->shown)
            f->shown = r->flight[n].number;
        n++;
    }
    r->flying -= n;
    memmove(r->flight, r->flight + n, r->flying * sizeof r->flight[0]);
}

/* A clipboard must not stand in the way of keys: little of it is on its way where that queues. */
static size_t flight_max(const struct lane *l)
{
    uint64_t srtt = link_srtt_us(l->link), floor = link_rtt_floor_us(l->link);
    return srtt && srtt < floor + EFFECTS_QUEUE_US ? EFFECTS_FLIGHT : EFFECTS_FLIGHT_SLOW;
}

static bool put(struct effects_reader *r, const struct effect *e, struct lane *l)
{
    bool begun = e->number == r->number;
    size_t at = begun ? r->at : 0, left = e->len - at;
    size_t n = left < EVENT_TEXT_MAX ? left : EVENT_TEXT_MAX;
    struct event record = {.kind = e->kind,
                           .value = e->value,
                           .text = e->text + at,
                           .len = n,
                           .part = (begun ? EVENT_GOES_ON : 0u) | (n < left ? EVENT_MORE : 0u)};
    if (lane_event_put(l, &record))
        return false;
    r->number = e->number;
    r->at = at + n;
    r->whole = n == left;
    if (r->whole) {
        r->flight[r->flying].end =
            sync_log_acked(l->sync, SYNC_LOG_EVENTS) + lane_events_unacked(l);
        r->flight[r->flying++].number = e->number;
    }
    return true;
}

uint64_t effects_passed(const struct effects_reader *r)
{
    return r->number - !r->whole;
}

void effects_forget(struct effects *f, uint64_t passed)
{
    while (f->count && f->item[0].number <= f->shown && f->item[0].number <= passed)
        remove_at(f, 0);
}

/* Hand on the next record: false when there is none or no room. */
static bool step(struct effects *f, struct effects_reader *r, struct lane *l, size_t most)
{
    const struct effect *e = next_of(f, r);
    if (!e || r->flying == EFFECTS_RECORDS)
        return false;
    bool bell = e->kind == EVENT_BELL;
    if (!bell && !(sync_peer_caps(l->sync) & SYNC_CAP_TERMINAL)) {
        r->number = e->number;
        r->whole = true;
        return true;
    }
    /* Bells add up while something is on its way. */
    if (lane_events_unacked(l) >= (bell && most < SIZE_MAX ? 1 : most))
        return false;
    return put(r, e, l);
}

void effects_pump(struct effects *f, struct effects_reader *r, struct lane *l, uint64_t now_us)
{
    note_acks(f, r, sync_log_acked(l->sync, SYNC_LOG_EVENTS));
    if (!(sync_peer_caps(l->sync) & SYNC_CAP_LOGS) || link_quiet(l->link, now_us))
        return;
    while (step(f, r, l, flight_max(l)))
        ;
}

void effects_finish(struct effects *f, struct effects_reader *r, struct lane *l)
{
    lane_events_set_cap(l, SYNC_LOG_SEND_MAX + EFFECTS_BYTES);
    r->flying = 0; /* nobody asks any more what was shown */
    while (step(f, r, l, SIZE_MAX))
        r->flying = 0;
}

size_t effects_memory(const struct effects *f)
{
    return f->bytes;
}
