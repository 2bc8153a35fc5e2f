"""argued.txt: differences to xterm and libvterm that are on purpose. A rule of side xterm has a predicate here; it
holds for a case when it explains all of its differences."""
import os
import re

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "argued.txt")

WIDE = rb"[\xe4-\xed]"  # the first byte of those of the grammar


class Rule:
    def __init__(self, name, reason):
        self.name, self.reason, self.holds = name, reason, PREDICATES[name]


def lines(path=PATH):
    """[(side, name, reason)]"""
    found = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            if line.startswith("#") or not line.strip():
                continue
            if line[0] == " ":
                found[-1] = (*found[-1][:2], found[-1][2] + " " + line.strip())
                continue
            found.append(re.match(r"(\w+)\s+(\S+)\s*: (.+)", line.rstrip("\n")).groups())
    return found


def read(path=PATH):
    return [Rule(name, reason) for side, name, reason in lines(path) if side == "xterm"]


def says(*patterns):
    """Of cases that hold such sequences: what follows them differs too, so nothing more can be asked."""
    return lambda case, found: all(re.search(p, b"".join(case.tokens), re.S) for p in patterns)


def only(kind, rule):
    """Of cases in which nothing of another kind differs."""
    return lambda case, found: rule(case, found) and all(k == kind for k, *_ in found)


def xterm_colours(case, found):
    """Palette numbers that do not exist."""
    return all(kind == "pen" and any(int(n) > 255 for n in re.findall(r"[fb]g=(\d+)", theirs))
               for kind, _, _, theirs in found)


def half_wide(case, found):
    """A few cells, of which one terminal has half a wide character, or their renditions."""
    return (says(WIDE)(case, found) and len(found) <= 4 and
            all(kind == "pen" or kind == "cell" and ("" in (a, b) or at[1] == case.cols - 1)
                for kind, at, a, b in found))


def rep_cap(case, found):
    counts = [int(n) for n in re.findall(rb"\x1b\[(\d+)b", b"".join(case.tokens))]
    return max(counts, default=0) > case.cols * case.rows


def lost_beside_wide(case, found):
    """Cells that are blank in xterm."""
    return says(WIDE, rb"\x1b\[\d*(P|'~| @)")(case, found) and all(k == "cell" and b == " " for k, _, _, b in found)


PREDICATES = {
    "lone-mark": says("\u0300".encode()),
    "uk-latin1": says(rb"\x1b\(A"),
    "checksum": only("reply", says(rb"\*y")),
    "fill-rendition": only("pen", says(rb"\$x")),
    "half-wide": half_wide,
    "wide-run": only("cell", says(WIDE, rb"\x1b\[\?7[lr]")),
    "lost-beside-wide": lost_beside_wide,
    "decsed-unprotects": only("cell", says(rb"\x1b(\[1\"q|V)", rb"\x1b\[\??[02]?J")),
    "protected-pending": says(rb"\x1b(\[1\"q|V)", rb"\x1b\[\??[12][JK]"),
    "sace-default": only("pen", says(rb"\x1b\[\*x.*\x1b\[[\d;]*\$[rt]")),
    "restore-pending": says(rb"\x1b\[!p.*(\x1b8|\x1b\[\?1048l|\x1b\[u)"),
    "reset-1049-on-main": says(rb"\x1b\[\?1049l"),
    "ris-alternate": says(rb"\x1b\[\?(47|1047|1049)h.*\x1bc.*\x1b\[\?(47|1047)h"),
    "rep-memory": says(rb"(\x1b[P_\]]|\x18).*\x1b\[\d*b"),
    "decstr-faint": says(rb"\x1b\[(2|9)m.*\x1b\[!p"),
    "cbt-pending": says(rb"\x1b\[\d*Z"),
    "rect-origin": says(rb"\x1b\[\?6h", rb"\x1b\[[\d;]*(\$[xz{rtv]|\*y)"),
    "decbi-wraps": says(rb"\x1b\[\?45h", rb"\x1b6"),
    "decrc-colour": only("pen", says(rb"\x1b(8|\[u|\[\?1048l)")),
    "insert-run": says(rb"\x1b\[\?69h.*\x1b\[\d*;\d*s", rb"\x1b\[4h"),
    "ris-sgr-stack": only("pen", says(rb"\x1b\[[\d;]*#[{p].*\x1bc.*\x1b\[#[}q]")),
    "rep-cap": rep_cap,
    "su-whole-region": says(rb"\x1b\[(\d*;\d*)r", rb"\x1b\[[2-9]\d*S"),
    "colour-lost": xterm_colours,
}
