#!/usr/bin/env python3
"""gen_width.py [FOLDER] > src/term/width_table.h: what libutf8proc does not tell of widths, from the
Unicode character database in FOLDER (Debian: package unicode-data): the code points of ambiguous
East Asian Width that take a column, and those that have an emoji and a text presentation."""
import re
import sys
import unicodedata

folder = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/unicode"


def rows(name):
    with open(f"{folder}/{name}", encoding="utf-8") as f:
        for line in f:
            m = re.match(r"([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*(FE0F)?\s*;\s*([^#;]*)", line)
            if m:
                yield int(m[1], 16), int(m[2] or m[1], 16), m[3], m[4].strip()


def joins(cp):
    return unicodedata.category(chr(cp)) in ("Mn", "Me", "Cf")


def ranges(points):
    out = []
    for cp in sorted(points):
        if out and out[-1][1] == cp - 1:
            out[-1][1] = cp
        else:
            out.append([cp, cp])
    return out


def put(name, what, points):
    print(f"/* {what} */")
    print(f"static const struct width_range {name}[] = {{")
    pairs = ["{0x%04x, 0x%04x}," % tuple(r) for r in ranges(points)]
    for i in range(0, len(pairs), 4):
        print("    " + " ".join(pairs[i:i + 4]))
    print("};")


with open(f"{folder}/EastAsianWidth.txt", encoding="utf-8") as f:
    version = re.search(r"EastAsianWidth-([0-9.]+)\.txt", f.readline())[1]
ambiguous = {cp for a, b, _, kind in rows("EastAsianWidth.txt") if kind == "A"
             for cp in range(a, b + 1) if not joins(cp)}
emoji = {a for a, _, selector, _ in rows("emoji/emoji-variation-sequences.txt") if selector}

print(f"/* Made by tools/gen_width.py from Unicode {version}; do not edit. */")
print("/* clang-format off */")
print(f'#define WIDTH_TABLE_UNICODE "{version}"')
print("struct width_range {\n    uint32_t first, last;\n};")
put("ambiguous", "East Asian Width A.", ambiguous)
put("variations", "Bases of emoji variation sequences (with U+FE0E and U+FE0F).", emoji)
