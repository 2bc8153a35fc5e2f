"""Numbered lines in what a terminal holds: which are missing, which stand there again, and how many rows are blank.

A line has its number at both ends, `<7>...=7;`, and is judged by either: it may be wrapped, cut or joined anywhere."""
import bisect
import re

ENDS = {"beginning": r"<(\d+)>", "end": r"=(\d+);"}


def in_order(numbers):
    """Where in numbers the longest run stands that is in order: sorted places. What stands elsewhere stands there
    again."""
    ends, where, back = [], [], []  # of the best run of each length: its last number, and where that stands
    for i, n in enumerate(numbers):
        k = bisect.bisect_left(ends, n)
        back.append(where[k - 1] if k else None)
        ends[k:k + 1], where[k:k + 1] = [n], [i]
    best, i = [], where[-1] if where else None
    while i is not None:
        best.append(i)
        i = back[i]
    return best[::-1]


def repeats(numbers):
    """How many stand there again, for each run of such."""
    seen, runs, run = set(), [], 0
    for n in [*numbers, None]:
        if n in seen:
            run += 1
        elif run:
            runs.append(run)
            run = 0
        seen.add(n)
    return runs


def around(text, n):
    """What stands where line n should."""
    rows = text.split("\n")
    at = next((i for i, row in enumerate(rows) if f"<{n - 1}>" in row or f"={n - 1};" in row or f"<{n}>" in row), 0)
    return "\n".join(f"    |{row}" for row in rows[max(at - 3, 0):at + 12])


class Held:
    """What a terminal holds, as text with a row a line: its scrollback, then its screen."""

    def __init__(self, text):
        self.text = text
        rows = [row.rstrip() for row in text.split("\n")]
        while rows and not rows[-1]:
            rows.pop()
        whole = "".join(rows)  # a number may be cut where a row ended
        self.numbers = {end: [int(n) for n in re.findall(form, whole)] for end, form in ENDS.items()}
        self.again = max((repeats(numbers) for numbers in self.numbers.values()), key=sum)
        self.repeated = sum(self.again)
        self.blank = rows.count("")

    @property
    def all(self):
        """What misses() asks for in another one that has to hold all that this one holds."""
        return {end: set(numbers) for end, numbers in self.numbers.items()}

    def missing(self, wanted):
        """Which of these, {end: a set}, miss an end, or do not stand in order: {end: sorted}. Of others it does not
        matter where they stand: a screen that has run ahead of the history, and lost its top rows when the terminal was
        made smaller, may have been cleared, so that no line of the history says it again in its place."""
        found = {}
        for end, numbers in wanted.items():
            those = [n for n in self.numbers[end] if n in numbers]
            found[end] = sorted(numbers - {those[i] for i in in_order(those)})
        return found

    def lost(self, wanted):
        """How many miss an end."""
        return max(map(len, self.missing(wanted).values()))

    def misses(self, wanted):
        """The same in words, or None."""
        for end, lost in self.missing(wanted).items():
            if lost:
                return f"{len(lost)} lines miss their {end}: {lost[:8]}\n{around(self.text, lost[0])}"
        return None
