/* No core dumps: they would hold keys (design.md §6). */
#ifndef TERN_IO_HARDEN_H
#define TERN_IO_HARDEN_H

/* RLIMIT_CORE 0 (the soft limit), remembering what it was. */
void harden_no_core(void);
/* In a child before exec: the limit as it was. Async-signal-safe. */
void harden_restore_core(void);

#endif
