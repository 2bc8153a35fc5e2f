#!/usr/bin/python3
"""streams.py DIR [MB]: the seeded terminal streams of the engine benchmark, safe for 80x24."""
import os
import random
import sys

PRINTING = [chr(c) for c in range(33, 127)]


def ascii_lines(r):
    return "".join(r.choices(PRINTING, k=r.randint(30, 78))) + "\r\n"


def y_lines(r):
    return "y\r\n" * 40


def colours(r):
    out = []
    for _ in range(20):
        rgb = r.randrange(256), r.randrange(256), r.randrange(256), r.randrange(256)
        out.append("\x1b[38;2;%d;%d;%dm\x1b[48;5;%dm" % rgb + "".join(r.choices(PRINTING, k=r.randint(1, 4))))
    return "".join(out) + "\x1b[0m\r\n"


def wide(r):
    out = []
    for _ in range(35):
        k = r.random()
        if k < 0.7:
            out.append(chr(r.randrange(0x4E00, 0x9FA0)))
        elif k < 0.85:
            out.append(chr(r.randrange(0x1F300, 0x1F640)))
        elif k < 0.95:
            out.append("e\u0301")
        else:
            out.append(chr(r.randrange(0x430, 0x44F)))
    return "".join(out) + "\r\n"


def motion(r):
    out = []
    for _ in range(40):
        k = r.random()
        y, x = r.randint(1, 24), r.randint(1, 80)
        if k < 0.6:
            out.append("\x1b[%d;%dH%s" % (y, x, r.choice(PRINTING)))
        elif k < 0.7:
            out.append("\x1b[%d;%dH\x1b[K" % (y, x))
        elif k < 0.78:
            out.append("\x1b[%dA\x1b[%dC#" % (r.randint(1, 5), r.randint(1, 9)))
        elif k < 0.84:
            out.append("\x1b[%d;%dr\x1b[%d;1H\n\x1b[r" % (3, 20, 20))
        elif k < 0.9:
            out.append("\x1b[%d;1H\x1b[L" % y)
        elif k < 0.96:
            out.append("\x1b[%d;1H\x1b[2M" % y)
        else:
            out.append("\x1b[%d;%dH\x1b[4@ab\x1b[2P" % (y, x))
    return "".join(out)


STREAMS = {"ascii": ascii_lines, "y": y_lines, "colour": colours, "wide": wide, "motion": motion}


def write(folder, megabytes=16.0):
    """Writes the five files, unless they are there."""
    os.makedirs(folder, exist_ok=True)
    r = random.Random(1)
    for name, make in STREAMS.items():
        blocks = [make(r).encode() for _ in range(3000)]
        path = os.path.join(folder, name)
        size = int(megabytes * 1e6)
        picks = random.Random(2)
        if os.path.exists(path) and os.path.getsize(path) >= size:
            continue
        with open(path, "wb") as out:
            while out.tell() < size:
                out.write(picks.choice(blocks))


if __name__ == "__main__":
    write(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 16.0)
