"""The scripts of tests/vt, and what an xterm makes of them. The language: tests/vt/vt.c."""
import re
from xterm import LIMIT, Blind

ESCAPES = dict(zip("ernt0abfv\\\"", "\033\r\n\t\0\a\b\f\v\\\""))
# vt name -> DECRQM
MODES = {"cursor_visible": "?25", "reverse": "?5", "app_cursor": "?1", "app_keypad": "?66",
         "bracketed_paste": "?2004", "focus": "?1004", "alt_scroll": "?1007", "origin": "?6",
         "autowrap": "?7", "insert": "4", "cursor_blink": "?12", "urgent_bell": "?1042", "newline": "20", "left_right": "?69"}
# No way to ask xterm for these, or a fact of this engine only.
BLIND = {"wrapped", "events", "clip", "bells", "history_end", "history_first", "replica",
         "facts", "link", "link_number", "held"}
# What xterm does not have, so that a pen is compared without it.
UNKNOWN_PEN = re.compile(r" ?(overline|invisible|ul=\S+)")
DECSCL = re.compile(rb'\033\[[0-9;]*"p')


class Malformed(Exception):
    pass


def unquote(text):
    m = re.search(r'"((?:[^"\\]|\\.)*)"', text)
    if not m:
        raise Malformed(text)

    def one(e):
        s = e.group(1)
        if s[0] == "x":
            return bytes.fromhex(s[1:])
        if s[0] == "u":
            return chr(int(s[2:-1], 16)).encode()
        return ESCAPES[s].encode()

    out, at, body = b"", 0, m.group(1)
    for e in re.finditer(r"\\(x[0-9a-fA-F]{2}|u\{[0-9a-fA-F]+\}|.)", body):
        out += body[at:e.start()].encode() + one(e)
        at = e.end()
    return out + body[at:].encode()


class Script:
    """size, and commands as (line number, word, rest)."""

    def __init__(self, path):
        self.path, self.size, self.commands = path, (80, 24), []
        with open(path, encoding="utf-8") as f:
            for number, line in enumerate(f, 1):
                m = re.match(r"\s*([a-z_]+)\s*(.*)", line.rstrip("\n"))
                if not m:
                    continue
                if m.group(1) == "size":
                    self.size = tuple(int(n) for n in m.group(2).split("x"))
                else:
                    self.commands.append((number, *m.groups()))

    def why_blind(self):
        """None, or why xterm cannot run this script."""
        sizes = [self.size] + [tuple(int(n) for n in rest.split("x"))
                               for _, word, rest in self.commands if word == "resize"]
        if any(word == "replica" for _, word, _ in self.commands):
            return "a replica is ours"
        if any(word == "profile" and rest.strip() != "none" for _, word, rest in self.commands):
            return "xterm has one width profile"
        if any(word == "push" and DECSCL.search(unquote(rest)) for _, word, rest in self.commands):
            return "DECSCL takes xterm out of UTF-8, for later scripts too"
        if any(c > LIMIT[0] or r > LIMIT[1] for c, r in sizes):
            return "larger than the display"
        return None


def pen_for_xterm(pen):
    pen = UNKNOWN_PEN.sub("", pen).strip()
    pen = re.sub(r"\b(curly|dotted|dashed)\b", "underline", pen)
    return pen or "default"


def check(xterm, script):
    """Runs a script; (checks made, [(line, what, xterm's, script's)])."""
    steps, made, found, answered, screen = [], 0, [], b"", None
    for number, word, rest in script.commands:
        if word == "push":
            steps.append(unquote(rest))
            screen = None
        elif word == "resize":
            steps.append(tuple(int(n) for n in rest.split("x")))
            screen = None
        elif word not in BLIND and word != "history_bytes":
            try:
                # Questions can change what the next bytes do (REP): each look is at a case of its own.
                screen = screen or xterm.show(*script.size, steps)
                if word == "reply":
                    got, want = shown(screen.replies[len(answered):]), shown(unquote(rest))
                    answered = screen.replies
                elif word == "pending":
                    got, want = pending(xterm, script, steps), rest.split()[-1]
                    screen = None
                else:
                    got, want = look(screen, word, rest)
            except Blind:
                screen = None
                continue
            if got is None:
                continue
            made += 1
            if got != want:
                found.append((number, f"{word} {rest.split('=')[0].strip()}".strip(), got, want))
    return made, found


def shown(data):
    return data.decode("latin-1").replace("\033", "\\e")


def pending(xterm, script, steps):
    """Whether the next character wraps, or stays where the cursor is."""
    before = xterm.show(*script.size, steps)
    if before.cursor[1] not in (before.cols - 1, before.margins[1]):
        return "no"
    row = before.cursor[0]
    after = xterm.show(*script.size, [*steps, b"\x18#"])
    moved = after.cursor[1] != before.cursor[1] or after.cursor[0] != row
    return "yes" if moved and before.mode("?7") else "no"


def look(screen, word, rest):
    """(got, want) as text; got is None when xterm cannot tell."""
    place = [int(n) for n in re.findall(r"\d+", rest.split("=")[0])]
    if word == "cursor":
        return "%d,%d" % screen.cursor, rest.strip()
    if word == "row":
        return screen.rows[place[0]], unquote(rest).decode(errors="replace")
    if word == "cell":
        return cell_of(screen, *place), unquote(rest).decode(errors="replace")
    if word == "history":
        lines = screen.history
        want = unquote(rest).decode(errors="replace")
        return lines[place[0]] if place[0] < len(lines) else "(not kept)", want
    if word == "pen":
        want = pen_for_xterm(rest.split("=", 1)[1].strip())
        got = screen.pen(*place) if place else screen.current_pen
        if place and "fg=" not in want and cell_of(screen, *place) == " ":
            got = re.sub(r" ?fg=\S+", "", got).strip() or "default"  # no ink: xterm keeps it there
        return got, want
    if word == "alt":
        return ("yes" if screen.mode("?1049") or screen.mode("?47") else "no"), rest.split()[-1]
    if word in ("title", "icon"):
        return screen.title("21" if word == "title" else "20"), unquote(rest).decode(errors="replace")
    if word == "mode":
        return look_mode(screen, *re.match(r"(\w+)\s*=\s*(\w+)", rest).groups())
    return None, None


def cell_of(screen, row, col):
    cells = screen.cells[row]
    return cells[col] if col < len(cells) else " "


def look_mode(screen, name, want):
    if name == "cursor_shape":
        return screen.status(b" q").split()[0], want
    if name == "mouse":
        on = [n for n in ("9", "1000", "1001", "1002", "1003") if screen.mode("?" + n)]
        return (on or ["0"])[-1], {"off": "0", "no": "0"}.get(want, want)
    if name == "mouse_coding":
        on = [n for n in ("1005", "1006", "1015", "1016") if screen.mode("?" + n)]
        return (on or ["0"])[-1], {"off": "0", "no": "0"}.get(want, want)
    if name in MODES:
        return ("on" if screen.mode(MODES[name]) else "off"), {"yes": "on", "no": "off", "1": "on", "0": "off"}.get(want, want)
    return None, None
