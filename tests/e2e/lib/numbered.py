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
        self.order, self.again = {}, {}
        for end, form in ENDS.items():
            numbers = [int(n) for n in re.findall(form, whole)]
            places = in_order(numbers)
            self.order[end] = {numbers[i] for i in places}
            # How many stand there again between two that are in order.
            gaps = [b - a - 1 for a, b in zip([-1, *places], [*places, len(numbers)])]
            self.again[end] = [gap for gap in gaps if gap]
        self.again = max(self.again.values(), key=sum)
        self.repeated = sum(self.again)
        self.blank = rows.count("")

    def lost(self, wanted):
        """How many of these, {end: a set}, miss an end."""
        return max(len(numbers - self.order[end]) for end, numbers in wanted.items())

    def misses(self, wanted):
        """The same in words, or None."""
        for end, numbers in wanted.items():
            lost = sorted(numbers - self.order[end])
            if lost:
                return f"{len(lost)} lines miss their {end}: {lost[:8]}\n{around(self.text, lost[0])}"
        return None
