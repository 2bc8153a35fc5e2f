#include "session/client_history.h"

void client_history_init(struct client_history *h)
{
    *h = (struct client_history){0};
    history_record_init(&h->record);
}

void client_history_fini(struct client_history *h)
{
    history_record_fini(&h->record);
}

/* The next line of the record at hand: false when there is none. */
static bool hand_line(struct client_history *h, struct view *v)
{
    struct row *row;
    if (h->number >= h->record.end || h->record.kind != HISTORY_LINES)
        return false;
    int got = line_get(&h->lines, &row);
    if (got != 1) {
        h->broken = true; /* the peer's mistake: the screen goes on without */
        return false;
    }
    view_history_line(v, h->number++, row);
    h->end = h->number;
    return true;
}

static void learn_links(struct client_history *h, struct view *v)
{
    struct reader in = reader_of(buf_data(&h->record.lines), buf_len(&h->record.lines));
    const uint8_t *uri;
    uint32_t number;
    size_t len;
    int got;
    while ((got = history_link_get(&in, &number, &uri, &len)) == 1)
        view_history_link(v, number, uri, len);
    h->broken = got < 0;
}

static void act(struct client_history *h, struct view *v)
{
    const struct history_record *r = &h->record;
    h->begun = true;
    if (r->kind != HISTORY_LINES && r->end > h->end)
        h->end = r->end;
    switch (r->kind) {
    case HISTORY_LINES:
        h->lines = reader_of(buf_data(&r->lines), buf_len(&r->lines));
        h->number = r->first;
        break;
    case HISTORY_GAP:
        view_history_gap(v, r->first, r->end);
        break;
    case HISTORY_CLEAR:
        view_history_clear(v, r->end);
        break;
    case HISTORY_SKIP:
        view_history_skip(v, r->end);
        break;
    case HISTORY_LINKS:
        learn_links(h, v);
        break;
    }
}

bool client_history_pump(struct client_history *h, struct sync *s, struct view *v)
{
    bool news = false;
    while (!h->broken && view_history_room(v)) {
        size_t len, used;
        if (hand_line(h, v))
            continue;
        const uint8_t *p = sync_log_read(s, SYNC_LOG_HISTORY, &len);
        int got = len ? history_record_get(p, len, &h->record, &used) : 0;
        if (got < 0)
            h->broken = true;
        if (got != 1)
            break;
        sync_log_skip(s, SYNC_LOG_HISTORY, used);
        act(h, v);
        news = true;
    }
    return news;
}

size_t client_history_memory(const struct client_history *h)
{
    return h->record.lines.size;
}
