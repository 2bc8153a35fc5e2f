#!/usr/bin/env python3
"""gen_width.py > src/term/width_table.h: columns of every code point, from the Unicode character
database of this python and the rules by which glibc makes its UTF-8 charmap (so that we agree with
the wcwidth of stock peers): nonspacing, enclosing and format characters 0, East Asian wide and full
width 2, unassigned -1. Two bits a code point, blocks of 256 that are stored once."""
import unicodedata as u

PREPENDED = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}


def width(cp):
    ch = chr(cp)
    cat = u.category(ch)
    if cp == 0:
        return 0
    if cat in ("Cc", "Cs", "Cn", "Zl", "Zp"):
        return -1
    if 0x1160 <= cp <= 0x11FF or 0xD7B0 <= cp <= 0xD7C6 or 0xD7CB <= cp <= 0xD7FB:
        return 0  # Hangul vowels and final consonants join the syllable's first
    if cat in ("Me", "Mn", "Cf") and cp != 0xAD and cp not in PREPENDED:
        return 0
    if u.east_asian_width(ch) in "WF" or 0x3248 <= cp <= 0x324F or 0x4DC0 <= cp <= 0x4DFF:
        return 2
    return 1


blocks, index = {}, []
for base in range(0, 0x110000, 256):
    bits = []
    for cp in range(base, base + 256, 4):
        bits.append(sum((width(cp + i) & 3) << 2 * i for i in range(4)))
    index.append(blocks.setdefault(tuple(bits), len(blocks)))


def rows(values, each):
    for i in range(0, len(values), each):
        print("    " + " ".join("%d," % v for v in values[i : i + each]))


print("/* Made by tools/gen_width.py from Unicode %s; do not edit. */" % u.unidata_version)
print("/* clang-format off */")
print("static const uint8_t width_block[%d] = {" % len(index))
rows(index, 24)
print("};")
print("/* Two bits a code point, the lowest first; 3 = -1. */")
print("static const uint8_t width_bits[%d][64] = {" % len(blocks))
for b in blocks:
    print("{")
    rows(b, 24)
    print("},")
print("};")
