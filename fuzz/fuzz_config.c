/* The configuration file: any bytes give 0 or one clean line of complaint; what a file sets is
 * valid by the table's own rules; and reading the same file again changes nothing. */
#include "base/mem.h"
#include "cmd/config.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(bool ok, const char *what)
{
    if (!ok)
        bug_at(__FILE__, __LINE__, what);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct config_target target = {"host.example", "ann", "bob"};
    struct options o = {0}, again = {0};
    char err[OPTION_ERROR] = "", why[OPTION_ERROR];
    int r = config_parse(&o, PROGRAM_TERN, (const char *)data, len, "f", &target, err);
    check(r == 0 || r == ERR_SYNTAX, "result");
    check((r == 0) == (err[0] == 0), "a complaint exactly with an error");
    check(!r || !strncmp(err, "f:", 2), "the place is named");
    for (const char *c = err; *c; c++)
        check((unsigned char)*c >= 0x20 && *c != 0x7f, "one line, nothing that moves a cursor");
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct setting *s = &o.v[i];
        if (!s->set)
            continue;
        check(option_table[i].keyword != NULL, "only keywords are set");
        check(option_set(&again, (enum option_id)i, s->text, why) == 0, "the value is valid");
        check(again.v[i].number == s->number && again.v[i].lo == s->lo && again.v[i].hi == s->hi,
              "and means the same");
    }
    if (r == 0) {
        check(config_parse(&again, PROGRAM_TERN, (const char *)data, len, "f", &target, err) == 0,
              "again");
        for (int i = 0; i < OPTION_COUNT; i++)
            check(again.v[i].set == o.v[i].set, "nothing new");
    }
    options_fini(&o);
    options_fini(&again);
    return 0;
}
