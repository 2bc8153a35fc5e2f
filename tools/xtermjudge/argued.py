"""tests/vt/differences.txt: where a script differs from xterm on purpose, and why.

A line is   SCRIPT  WHAT  : reason   with WHAT as in the report ("row 3", "reply", "cursor") or * for all
of them; SCRIPT may end in *. Lines that begin with blanks go on with the reason; # begins a comment.
"""
import fnmatch
import os
import re

PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "vt", "differences.txt")


class Table:
    def __init__(self, entries=()):
        self.entries = list(entries)  # (script, what, reason)
        self.used = set()

    def covers(self, script, line, what):
        """Whether a difference is argued. Its line is not looked at: scripts grow."""
        for i, (name, part, _) in enumerate(self.entries):
            if fnmatch.fnmatchcase(script, name) and (part == "*" or fnmatch.fnmatchcase(what, part)):
                self.used.add(i)
                return True
        return False

    def stale(self):
        """Entries that no difference needed."""
        return [e for i, e in enumerate(self.entries) if i not in self.used]


def read(path=PATH):
    entries = []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            line = line.split("#")[0].rstrip() if line.startswith("#") else line.rstrip()
            if not line:
                continue
            if line[0] == " ":
                entries[-1] = (*entries[-1][:2], entries[-1][2] + " " + line.strip())
                continue
            m = re.match(r"(\S+)\s+(.*?)\s*: (.+)", line)
            if not m:
                raise ValueError(f"{path}:{number}: SCRIPT WHAT : reason")
            entries.append(m.groups())
    return Table(entries)
