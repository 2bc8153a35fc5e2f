"""README's table, from what docs/BENCHMARKS.md says."""
import re

from page import BUDGETS, sections, table

ECHO = "echo{}, prediction off: median, ms"
FLOOD = "Ctrl-C under a flood, {}: ms"
LOSS = "echo at 100 ms, 29 % lost each way: {}, ms"
BACK = "current screen after {} without a network, 50 ms: ms"
MEMORY = "Private_Dirty of the {} after typing, MiB"
GUESSED = "keys within 5 ms at {} ms, prediction on, %"
START = "start-up beyond the login, {}: ms"

# (what, rows of the budgets, how their figures are joined)
FROM_BUDGETS = [
    ("echo of a key without prediction, no delay / 200 ms / 500 ms, ms",
     [ECHO.format(x) for x in (", no delay", " at 200 ms", " at 500 ms")], " / "),
    ("keys shown within 5 ms, with prediction, at 50 / 200 / 500 ms, %", [GUESSED.format(x) for x in (50, 200, 500)], " / "),
    ("echo without prediction at 100 ms with 29 % lost each way: median, p99, ms", [LOSS.format(x) for x in ("median", "p99")], ", "),
    ("prompt that stays after Ctrl-C in a flood, no delay / 50 ms, ms", [FLOOD.format(x) for x in ("no delay", "50 ms")], " / "),
    ("`cat` of 20 MB: kB to the client (tern's with history), server's CPU in ms",
     ["`cat` of 20 MB: to the client, kB (tern's with the history that came until then)", "`cat` of 20 MB: server CPU, ms"], ", "),
    ("start-up beyond the login, no delay / 200 ms, ms", [START.format(x) for x in ("no delay", "200 ms")], " / "),
    ("current screen after 5 s / 60 s without a network, ms", [BACK.format(x) for x in ("5 s", "60 s")], " / "),
    ("packets in an idle hour", ["packets an hour when idle"], ""),
    ("memory of client / server, MiB", [MEMORY.format(x) for x in ("client", "server")], " / "),
]


def cells(line):
    return [c.strip() for c in line.strip("| \n").split(" | ")]


def rows_of(page, heading):
    """Rows of the tables of that section."""
    return [cells(line) for h, lines in sections(page) if h == heading for line in lines if line.startswith("| ")]


def median(cell):
    """Without (lowest-highest) and needless digits."""
    return re.sub(r"\.0$", "", cell.split(" (")[0])


def joined(parts, by):
    return by.join(parts) if any(p != "-" for p in parts) else "-"


def rates(page, heading, one):
    """One pipe, or one connection through a forward, down and up."""
    got = {(r[0], r[1]): r[3:6] for r in rows_of(page, heading) if r[2] == "1"}
    out = []
    for link in dict.fromkeys(link for link, _ in got):
        ssh, gcm, tern = ([median(got[link, way][i]) for way in ("down", "up")] for i in range(3))
        out.append([f"{one}, {link}: down / up, MB/s (ssh with aes128-gcm)", " / ".join(tern),
                    f"{' / '.join(ssh)} ({' / '.join(gcm)})", "-"])
    return out


def keys(page):
    got = {(r[0], r[1]): median(r[2]) for r in rows_of(page, "## Keys beside a pipe")[1:]}
    if ("tern", "tern") not in got:
        return []
    return [["echo at 20 ms beside another process's pipe that fills 20 Mbit/s (idle), ms",
             *(f"{got[c, c]} ({got[c, 'nobody']})" if (c, c) in got else "-" for c in ("tern", "ssh")), "-"]]


def readme_table(page):
    budget = {r[0]: r[2:5] for r in rows_of(page, BUDGETS)}
    rows = []
    for what, names, by in FROM_BUDGETS:
        if all(n in budget for n in names):
            rows.append([what, *(joined([median(budget[n][i]) for n in names], by) for i in range(3))])
    return table(["what", "tern", "ssh", "mosh"], rows + rates(page, "## Pipes", "one pipe") +
                 rates(page, "## Forwards", "one forward by -L") + keys(page))


def updated(readme, page):
    """README with the table that says what tern, ssh and mosh took."""
    head, tail = readme.split("| what | tern | ssh | mosh |\n", 1)
    rest = tail.split("\n\n", 1)[1]
    return head + "\n".join(readme_table(page)) + "\n\n" + rest
