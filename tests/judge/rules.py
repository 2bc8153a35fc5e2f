"""argued.txt: differences to xterm and libvterm that are on purpose. A rule of side xterm has a predicate here; it
holds for a case when it explains all of its differences."""
import os
import re

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "argued.txt")
ZERO_WIDTH = re.compile(r"[̀-ͯ]")


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


def lone_mark(case, found):
    """A combining mark that no character precedes: after it all columns may be shifted."""
    return any(kind == "cell" and ours.startswith("\u00a0") for kind, _, ours, _ in found)


PREDICATES = {"lone-mark": lone_mark}
