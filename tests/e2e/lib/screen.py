"""A captured tmux screen as cells, so that two ways to draw the same picture are equal."""
import re
import unicodedata

# What tmux marks with SO ... SI in a capture: DEC special graphics.
GRAPHICS = dict(zip("`afgjklmnopqrstuvwxyz{|}~",
                    "◆▒°±┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"))
TOKEN = re.compile(r"\x1b\[([0-9:;]*)m|\x1b\]8;[^;]*;([^\x1b\x07]*)(?:\x1b\\|\x07)|(\x0e)|(\x0f)|(.)", re.S)

FLAGS = {1: "bold", 2: "faint", 3: "italic", 4: "underline", 5: "blink", 7: "reverse", 8: "hidden",
         9: "strike", 21: "underline2", 53: "overline"}
OFF = {22: ("bold", "faint"), 23: ("italic",), 24: ("underline", "underline2"), 25: ("blink",),
       27: ("reverse",), 28: ("hidden",), 29: ("strike",), 55: ("overline",)}
# A blank shows no ink, so these make no difference on it.
INK = {"fg", "bold", "faint", "italic", "hidden", "blink"}


class Pen(dict):
    def feed(self, params):
        words = params.split(";") if params else ["0"]
        i = 0
        while i < len(words):
            word = words[i]
            i += 1
            if ":" in word:
                self.colon(word.split(":"))
                continue
            n = int(word or 0)
            if n == 0:
                self.clear()
            elif n in (38, 48, 58):
                count = 2 if words[i] == "5" else 4
                self[{38: "fg", 48: "bg", 58: "ul"}[n]] = tuple(words[i:i + count])
                i += count
            elif n in FLAGS:
                self[FLAGS[n]] = True
            elif n in OFF:
                for f in OFF[n]:
                    self.pop(f, None)
            elif 30 <= n <= 37 or 90 <= n <= 97:
                self["fg"] = n - 30 if n < 90 else n - 82
            elif 40 <= n <= 47 or 100 <= n <= 107:
                self["bg"] = n - 40 if n < 100 else n - 92
            elif n in (39, 49, 59):
                self.pop({39: "fg", 49: "bg", 59: "ul"}[n], None)
            else:
                raise ValueError(f"SGR {params}")

    def colon(self, words):
        if words[0] == "4":
            self.pop("underline", None)
            self.pop("underline2", None)
            if words[1] == "1":
                self["underline"] = True
            elif words[1] == "2":
                self["underline2"] = True
            elif words[1] != "0":
                self["underline"] = words[1]
        elif words == ["5", "3"]:  # how tmux 3.3 writes 53
            self["overline"] = True
        else:
            key = {"38": "fg", "48": "bg", "58": "ul"}[words[0]]
            self[key] = tuple(w for w in words[1:] if w)


def cell(char, pen):
    attrs = {k: v for k, v in pen.items() if char != " " or k not in INK}
    for k in ("fg", "bg"):  # 0..15 by its old code or by 38;5
        v = attrs.get(k)
        if isinstance(v, tuple) and v[0] == "5" and int(v[1]) < 16:
            attrs[k] = int(v[1])
    return char, tuple(sorted((k, str(v)) for k, v in attrs.items()))


BLANK = cell(" ", {})


def cells(capture):
    """Rows of (character with its combining marks, attributes); blanks at the right are cut, and so
    are blank rows at the end."""
    rows, pen, graphics, link = [], Pen(), False, ""
    for line in capture.split("\n"):
        row = []
        for m in TOKEN.finditer(line):
            sgr, url, so, si, char = m.groups()
            if sgr is not None:
                pen.feed(sgr)
            elif url is not None:
                link = url
            elif so:
                graphics = True
            elif si:
                graphics = False
            elif unicodedata.combining(char) and row:
                row[-1] = (row[-1][0] + char, row[-1][1])
            else:
                if graphics:
                    char = GRAPHICS.get(char, char)
                shown = dict(pen, link=link) if link else pen
                row.append(cell(char, shown))
        while row and row[-1] == BLANK:
            row.pop()
        rows.append(row)
    while rows and not rows[-1]:
        rows.pop()
    return rows


def difference(a, b):
    """None, or a text that shows where two cell grids differ."""
    if a == b:
        return None
    out = []
    for y in range(max(len(a), len(b))):
        ra, rb = (g[y] if y < len(g) else [] for g in (a, b))
        if ra == rb:
            continue
        x = next(i for i in range(max(len(ra), len(rb)))
                 if (ra[i] if i < len(ra) else BLANK) != (rb[i] if i < len(rb) else BLANK))
        out.append(f"row {y} from column {x}:")
        for r in (ra, rb):
            here = r[x] if x < len(r) else BLANK
            out.append(f"  {''.join(c for c, _ in r)!r}  there: {here}")
    return "\n".join(out)
