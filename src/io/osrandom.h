/* The operating system's random bytes, for keys. */
#ifndef TERN_IO_OSRANDOM_H
#define TERN_IO_OSRANDOM_H

#include "base/rng.h"

/* getrandom; the process ends with a message if the system cannot give any. */
struct entropy osrandom(void);

#endif
