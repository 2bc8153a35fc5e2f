"""Differential fuzzing against a real xterm: seeded cases of difftern's grammar, run in the engine and in xterm;
what differs and is not argued (argued.txt) is minimised."""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "xtermjudge"))
import rules  # noqa: E402
from xterm import Blind, Xterm  # noqa: E402


class Case:
    def __init__(self, seed, cols, rows, tokens):
        self.seed, self.cols, self.rows, self.tokens = seed, cols, rows, tokens

    def line(self):
        return f"{self.seed} {self.cols} {self.rows} {','.join(t.hex() for t in self.tokens)}\n"

    def without(self, gone):
        return Case(self.seed, self.cols, self.rows, [t for i, t in enumerate(self.tokens) if i not in gone])

    def script(self):
        text = b"".join(self.tokens).decode(errors="backslashreplace")
        for a, b in (("\\", "\\\\"), ('"', '\\"'), ("\x1b", "\\e"), ("\r", "\\r"), ("\n", "\\n"), ("\t", "\\t"), ("\b", "\\b"),
                     ("\a", "\\a")):
            text = text.replace(a, b)
        text = re.sub(r"[\x00-\x1f\x7f]", lambda m: "\\x%02x" % ord(m.group()), text)
        return f'size {self.cols}x{self.rows}\npush "{text}"'


def generate(program, first, count):
    out = subprocess.run([program, "generate", "xterm", str(first), str(count)], capture_output=True, text=True, check=True)
    for line in out.stdout.splitlines():
        words = line.split(" ")
        yield Case(int(words[0]), int(words[1]), int(words[2]), [bytes.fromhex(t) for t in words[3].split(",") if t])


class Engine:
    """difftern as a co-process."""

    def __init__(self, program):
        self.p = subprocess.Popen([program, "show"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def show(self, case):
        self.p.stdin.write(case.line())
        self.p.stdin.flush()
        look = json.loads(self.p.stdout.readline())
        look["pens"] = [comparable_pen(p) for p in look["pens"]]
        return look

    def close(self):
        self.p.stdin.close()
        self.p.wait(10)


def comparable_pen(pen):
    return re.sub(r" ?(invisible\b|overline\b|ul=\S+)", "", pen).strip() or "default"


def xterm_look(xterm, case):
    """The same of xterm, in the same form."""
    s = xterm.show(case.cols, case.rows, [b"".join(case.tokens)])
    cells = []
    for row in s.cells:
        cells += (row + [" "] * case.cols)[:case.cols]
    pens = s.pens([(r, c) for r in range(case.rows) for c in range(case.cols)])
    return {"cursor": list(s.cursor), "reply": s.replies.decode("latin-1"), "cells": cells, "pens": pens}


def no_ink(pen):
    """On a blank only what fills the cell shows: xterm keeps the foreground there too."""
    words = [w for w in pen.split() if w.startswith("bg=") or w in ("inverse", "underline", "double", "strike")]
    return " ".join(words) or "default"


def differences(case, ours, theirs):
    """[(kind, place, ours, theirs)]"""
    found = []
    for i, (a, b) in enumerate(zip(ours["cells"], theirs["cells"])):
        place = (i // case.cols, i % case.cols)
        p, q = ours["pens"][i], theirs["pens"][i]
        if a != b:
            found.append(("cell", place, a, b))
        elif no_ink(p) != no_ink(q) if a == " " else p != q:
            found.append(("pen", place, p, q))
    if ours["cursor"] != theirs["cursor"]:
        found.append(("cursor", None, ours["cursor"], theirs["cursor"]))
    if ours["reply"] != theirs["reply"]:
        found.append(("reply", None, ours["reply"], theirs["reply"]))
    return found


class Fuzz:
    def __init__(self, xterm, program, argued):
        self.xterm, self.engine, self.argued = xterm, Engine(program), argued
        self.used = {}
        self.blind = 0

    def close(self):
        self.engine.close()

    def judge(self, case, count=False):
        """Unargued differences of a case."""
        try:
            theirs = xterm_look(self.xterm, case)
        except Blind:
            self.blind += count
            return []
        found = differences(case, self.engine.show(case), theirs)
        if not found:
            return []
        # One argument for all of them, or one for each kind (cells, renditions, ...).
        for parts in ([found], [[f for f in found if f[0] == kind] for kind in {f[0] for f in found}]):
            rules = [next((r for r in self.argued if r.holds(case, part)), None) for part in parts]
            if all(rules):
                for name in {r.name for r in rules if count}:
                    self.used[name] = self.used.get(name, 0) + 1
                return []
        return found

    def minimise(self, case):
        """The shortest case by leaving tokens out that still differs."""
        size = max(1, len(case.tokens) // 2)
        while size:
            at = 0
            while at < len(case.tokens):
                shorter = case.without(set(range(at, at + size)))
                if shorter.tokens and self.judge(shorter):
                    case = shorter
                else:
                    at += size
            size //= 2
        return case

    def report(self, case):
        case = self.minimise(case)
        lines = [f"seed {case.seed}", case.script()]
        for kind, place, a, b in self.judge(case)[:6]:
            where = f" {place[0]},{place[1]}" if place else ""
            lines.append(f"  {kind}{where}: ours {a!r}, xterm {b!r}")
        return "\n".join(lines)


def main():
    """xfuzz.py DIFFTERN FIRST COUNT [SHOWN]: from a shell; prints minimised cases."""
    first, count, most = int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]) if len(sys.argv) > 4 else 10
    with Xterm() as x:
        f = Fuzz(x, sys.argv[1], rules.read())
        bad = 0
        for case in generate(sys.argv[1], first, count):
            if f.judge(case, count=True):
                bad += 1
                if bad <= most:
                    print(f.report(case))
        print(f"{count} cases, {bad} differ, {f.blind} could not be looked at, argued: {f.used}")
        f.close()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
