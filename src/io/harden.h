/* Limits of the process that differ from those it was started with. */
#ifndef TERN_IO_HARDEN_H
#define TERN_IO_HARDEN_H

/* No core dumps: they would hold keys (design.md §6). The soft limit is 0. */
void harden_no_core(void);
/* Descriptors for a server's channels, three for each that runs a command: the soft limit is raised
 * to this, or to the hard one. */
#define HARDEN_FILES 8192
void harden_many_files(void);
/* In a child before exec: the limits as they were. Async-signal-safe. */
void harden_restore(void);

#endif
