#!/usr/bin/python3
"""A program that prints random terminal output, for screens to be compared: noise.py SEED PAGES KIND.
After each page of 300 sequences the window's title says so, and a line of input is awaited.

KIND plain: what tmux and mosh take alike. They differ in halves of wide characters, in what ends a
pending wrap, in lines inserted outside the region, and in the background of a line scrolled in by a wrap
or by ESC M. So plain output keeps to even columns, and touches the last one only in text that goes on in
the next line. KIND full: what mosh knows (mosh-protocol.md §9.3), but autowrap: without it a stock server
leaves wide characters in the last column, which then wrap on the user's terminal."""
import os
import random
import select
import sys
import unicodedata

seed, pages, kind = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
r = random.Random(seed)
size = os.get_terminal_size(1)
COLS, ROWS = size.columns, size.lines
FULL = kind == "full"

WORDS = ["a", "the quick brown fox", "größe", "漢字", "日本語 text", "e\u0301a\u0308", "x" * 30, "-", "42", "  ", "|",
         "→∞≠", "ｗｉｄｅ", "и кириллица", "한국어"]


def csi(final, *numbers):
    return "\x1b[" + ";".join(str(n) for n in numbers) + final


def column():
    return r.randint(1, COLS) if FULL else 2 * r.randint(0, COLS // 2 - 1) + 1


def count(most):
    """Of columns."""
    return r.randint(1, most) if FULL else 2 * r.randint(1, most // 2 + 1)


def place():
    return csi("H", r.randint(1, ROWS), column())


def width(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def text():
    word = r.choice(WORDS)
    if FULL:
        return word
    word += " " * (width(word) % 2)
    return csi("H", r.randint(1, ROWS), 2 * r.randint(0, (COLS - width(word)) // 2 - 1) + 1) + word


def flow():
    words = [w + " " * (0 if FULL else width(w) % 2) for w in r.choices(WORDS, k=12)]
    return "".join(words) if FULL else "\x1b[49m\r" + "".join(words) + "\r\n"


def sgr():
    kinds = ["0", "1", "3", "4", "7", "22", "23", "24", "27", str(r.randint(30, 37)), str(r.randint(40, 47)), "39", "49",
             str(r.randint(90, 97)), str(r.randint(100, 107)), f"38;5;{r.randint(0, 255)}", f"48;5;{r.randint(0, 255)}",
             ";".join(str(n) for n in [38, 2] + [r.randint(0, 255) for _ in range(3)]),
             ";".join(str(n) for n in [48, 2] + [r.randint(0, 255) for _ in range(3)])]
    return csi("m", *r.sample(kinds, r.randint(1, 3)))


def region():
    top = r.randint(1, ROWS - 1)
    return csi("r", top, r.randint(top + 1, ROWS)) if r.random() < 0.7 else csi("r")


def lines():
    """tmux has its own ideas outside the region, and leaves the column."""
    move = "" if FULL else csi("r") + csi("H", r.randint(1, ROWS), 1)
    return move + csi(r.choice("LM"), r.randint(1, 3))


ASCII = [w for w in WORDS if w.isascii()]
PLAIN = [
    (8, text),
    (5, place),
    (4, sgr),
    (2, lambda: csi(r.choice("AB"), r.randint(1, 5))),
    (1, lambda: csi(r.choice("CD"), count(5))),
    (2, lambda: csi("K", r.randint(0, 2) if FULL else r.choice([0, 2]))),
    (1, lambda: csi("J", r.randint(0, 1) if FULL else 0)),
    (2, lambda: csi("X", count(9))),
    (2, lines),
    (2, lambda: csi(r.choice("P@"), count(4))),
    (2, lambda: r.choice(["\r\n", "\n", "\r", "\t", "\b\b"])),
    (1, region),
    (1, lambda: csi("d", r.randint(1, ROWS))),
    (1, lambda: csi("G", column())),
    (1, lambda: r.choice(["\x1bD", "\x1b[49m\x1bM", "\x1bE"])),
    (1, lambda: r.choice(["\x1b7", "\x1b8"])),
    (1, flow),
]
MORE = [
    (1, lambda: csi(r.choice("ST"), r.randint(1, 3))),
    (1, lambda: csi("J", 2)),
    (1, lambda: r.choice(["\x1b[?6h", "\x1b[?6l", "\x1b[4h", "\x1b[4l", "\x1b[?25h", "\x1b[?25l"])),
    (1, lambda: r.choice(["\x1bH", csi("g", 0), csi("g", 3), csi("I", 2), csi("Z", 1)])),
    (1, lambda: "\x1b[5;8m" + r.choice(ASCII) + "\x1b[25;28m"),
    (1, lambda: r.choice(["\x1b[!p", "\x1b]2;other\x07", "\x1b]52;c;YWJj\x07", "\x1b]8;;http://x/\x07", "\x1bPq#1\x1b\\"])),
    (1, lambda: r.choice(["\u0301", "\u200b", "\u0308"])),
    (1, lambda: r.choice(["\x1b[?2004h", "\x1b[?1000h", "\x1b[?1000l", "\x1b[?2004l", "\x1b[?1h", "\x1b[?1l"])),
]


def out(text):
    data = text.encode()
    while data:
        data = data[os.write(1, data):]


def main():
    table = PLAIN + (MORE if FULL else [])
    weights, makers = [w for w, _ in table], [f for _, f in table]
    for page in range(pages):
        # so that a page does not depend on how terminals differ in the one before
        out("\x1b[0m\x1b[r\x1b[?6l\x1b[4l\x1b[?7h\x1b[?25h\x1b[H\x1b[2J\x1b7")
        for i in range(300):
            out(r.choices(makers, weights)[0]())
            if i % 20 == 19:
                select.select([], [], [], 0.012)  # several frames a page
        out(f"\x1b[0m\x1b[?25h\x1b]2;page {page}\x07")
        sys.stdin.readline()


os.system("stty -echo -onlcr")
main()
