/* The size of a terminal window, as the kernel keeps it. */
#ifndef TERN_IO_SIZE_H
#define TERN_IO_SIZE_H

#include <stdint.h>

struct tty_size {
    uint16_t cols, rows;
    uint16_t xpixel, ypixel; /* 0: not known */
};

#endif
