"""docs/BENCHMARKS.md from what the cases gave."""
import statistics

from cases import PROGRAM_TITLES, TITLES

BUDGETS = "## Against the budgets"


def middle(values, digits=0):
    """Median, and (lowest-highest) when there are several."""
    values = list(values)
    if not values:
        return "-"
    text = f"{statistics.median(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def number(ms):
    return f"{ms:.1f}" if ms < 20 else f"{ms:.0f}"


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(r) + " |" for r in rows)]


class Results:
    """What lab.Runner kept, by case and client."""

    def __init__(self, results):
        self.results = results

    def of(self, case, client, program=None):
        return [(n, r) for c, p, n, r in self.results.get(case, []) if c == client and program in (None, p)]

    def keys(self, case, client, program=None):
        return [ms for _, r in self.of(case, client, program) for ms in r["lat"]]

    def never(self, case, client, program=None):
        return sum(r["never"] for _, r in self.of(case, client, program))

    def round_medians(self, case, client):
        rounds = {}
        for n, r in self.of(case, client):
            rounds.setdefault(n, []).extend(r["lat"])
        return [statistics.median(v) for v in rounds.values() if v]

    def median(self, case, client):
        values = self.keys(case, client)
        return statistics.median(values) if values else None

    def within5(self, case, client):
        """(% of all keys within 5 ms, % that a perfect guesser reaches), or None."""
        runs = [r for _, r in self.of(case, client)]
        keys = self.keys(case, client)
        if not keys:
            return None
        share = 100 * sum(ms < 5 for ms in keys) / (len(keys) + self.never(case, client))
        return share, 100 * statistics.fmean(r["guessable"] for r in runs)

    def figures(self, case, client, pick):
        """pick(result) of each run, in one list; pick gives a list or a number."""
        out = []
        for _, r in self.of(case, client):
            got = pick(r)
            out += got if isinstance(got, list) else [got]
        return out


# ---- one table for each kind of case ----


def typing_table(results, case):
    rows = []
    for client in case.clients:
        keys = results.keys(case.name, client)
        if not keys:
            continue
        runs = [r for _, r in results.of(case.name, client)]
        medians = results.round_medians(case.name, client)
        share, perfect = results.within5(case.name, client)
        rows.append([TITLES[client], str(len(keys)), number(statistics.median(keys)),
                     f"{number(min(medians))}-{number(max(medians))}", number(quantile(keys, 0.9)),
                     number(quantile(keys, 0.99)), f"{share:.0f} / {perfect:.0f}",
                     f"{sum(r['wrong'] for r in runs)} ({sum(r['wrong_ms'] for r in runs) / 1000:.1f} s)",
                     str(results.never(case.name, client)),
                     " / ".join(number(statistics.median(v)) if (v := results.keys(case.name, client, p)) else "-"
                                for p in case.programs)])
    programs = " / ".join(PROGRAM_TITLES[p] for p in case.programs)
    return table(["client", "keys", "median, ms", "of the rounds", "p90", "p99", "% within 5 ms / perfect guesser",
                  "wrong pictures", "never shown", f"medians: {programs}"], rows)


def ctrlc_table(results, group):
    rows = [[case.title, TITLES[c], middle(v), str(len(v)), str(sum(x < 0 for x in results.figures(
             case.name, c, lambda r: r["ctrlc_ms"])))]
            for case in group for c in case.clients
            if (v := [x for x in results.figures(case.name, c, lambda r: r["ctrlc_ms"]) if x >= 0])
            or results.of(case.name, c)]
    return table(["link", "client", "prompt after, ms", "times", "no prompt in 60 s"], rows)


def bulk_table(results, group):
    rows = []
    for case in group:
        for c in case.clients:
            runs = [r for _, r in results.of(case.name, c) if r["bulk_s"] >= 0]
            if runs:
                rows.append([case.title, TITLES[c], middle([r["bulk_s"] for r in runs], 2),
                             middle([(r["wire"]["s2c_bytes"] + r["wire"]["c2s_bytes"]) / 1e3 for r in runs], 0),
                             middle([r["wire"]["s2c_packets"] + r["wire"]["c2s_packets"] for r in runs], 0),
                             middle([r["client"]["cpu_ms"] for r in runs]), middle([r["server"]["cpu_ms"] for r in runs])])
    return table(["link", "client", "s", "kB on the wire", "packets", "client CPU, ms", "server CPU, ms"], rows)


def idle_table(results, group):
    return table(["client", "packets an hour", "kB an hour"],
                 [[TITLES[c], str(r["idle_packets_per_hour"]), f"{r['idle_bytes_per_hour'] / 1000:.0f}"]
                  for case in group for c in case.clients for _, r in results.of(case.name, c)])


def startup_table(results, group):
    rows = []
    for case in group:
        base = {n: r["startup_s"] for n, r in results.of(case.name, "ssh")}
        for c in case.clients:
            runs = results.of(case.name, c)
            over = [(r["startup_s"] - base[n]) * 1000 for n, r in runs if n in base]
            if runs:
                rows.append([case.title, TITLES[c], middle([r["startup_s"] * 1000 for _, r in runs]),
                             "-" if c == "ssh" else middle(over), str(len(runs))])
    return table(["link", "client", "first prompt after, ms", "beyond ssh in the same round, ms", "times"], rows)


def recover_table(results, group):
    rows = []
    for case in group:
        for c in case.clients:
            got = results.figures(case.name, c, lambda r: r["recover_ms"])
            good = [x for x in got if x >= 0]
            if got:
                lost = len(got) - len(good)
                rows.append([case.title, TITLES[c], middle(good), str(len(got)), str(lost) if lost else "-"])
    return table(["what", "client", "current screen after, ms", "times", "never (run ends)"], rows)


def memory_table(results, case):
    """Of the processes at both ends, after typing."""
    rows = []
    for c in case.clients:
        seen = {}
        for _, r in results.of(case.name, c):
            for side in ("client", "server"):
                for p in r[side]["procs"]:
                    seen.setdefault((side, p["name"]), []).append(p)
        for (side, name), ps in seen.items():
            rows.append([TITLES[c], side, name, middle([p["private_dirty_kb"] / 1024 for p in ps], 2),
                         middle([p["rss_kb"] / 1024 for p in ps], 1), middle([p["cpu_ms"] for p in ps])])
    return table(["client", "end", "process", "Private_Dirty, MiB", "RSS, MiB", "CPU in its life, ms"], rows)


# ---- against design.md ----


def verdict(ours, limit, more=False):
    if ours is None:
        return "not measured"
    return "kept" if (ours >= limit if more else ours <= limit) else "**missed**"


def cell(value, unit=""):
    return "-" if value is None else f"{number(value)}{unit}"


def only(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def budget_rows(results):
    """[what, budget, tern, ssh, mosh, verdict]"""
    out, m = [], results.median
    for case, title, slack in (("lan", "echo, no delay", 1), ("rtt200", "echo at 200 ms", 3), ("rtt500", "echo at 500 ms", 3)):
        tern, ssh = m(case, "tern"), m(case, "ssh")
        known = tern is not None and ssh is not None
        out.append([title + ", prediction off: median, ms", f"ssh + {slack}", cell(tern), cell(ssh), cell(m(case, "mosh-never")),
                    verdict(tern, ssh + slack) if known else "not measured"])
    for case, least in (("rtt50", 95), ("rtt200", 88), ("rtt500", 75)):
        got = {c: results.within5(case, c) for c in ("tern-adaptive", "ssh", "mosh-adaptive")}
        ours = got["tern-adaptive"]
        out.append([f"keys within 5 ms at {case[3:]} ms, prediction on, %", f"{least}, or 0.9 of a perfect guesser's",
                    *(cell(g and g[0]) for g in got.values()),
                    verdict(ours[0], min(least, 0.9 * ours[1]), True) if ours else "not measured"])
    loss = {c: results.keys("loss", c) for c in ("tern", "ssh", "mosh-never")}
    for name, share, limit in (("median", 0.5, 110), ("p99", 0.99, 300)):
        got = {c: quantile(v, share) if v else None for c, v in loss.items()}
        out.append([f"echo at 100 ms, 29 % lost each way: {name}, ms", str(limit), *(cell(g) for g in got.values()),
                    verdict(got["tern"], limit)])
    for case, title, limit in (("ctrlc", "Ctrl-C under a flood, no delay: ms", 100), ("ctrlc50", "Ctrl-C under a flood, 50 ms: ms", 150)):
        got = [only(x for x in results.figures(case, c, lambda r: r["ctrlc_ms"]) if x >= 0) for c in ("tern", "ssh", "mosh-never")]
        out.append([title, str(limit), *map(cell, got), verdict(got[0], limit)])
    cat = [results.figures("cat", c, lambda r: r["server"]["cpu_ms"]) for c in ("tern", "ssh", "mosh-never")]
    out.append(["`cat` of 20 MB: server CPU, ms", "400", *(cell(only(v)) for v in cat), verdict(only(cat[0]), 400)])
    sent = [results.figures("cat", c, lambda r: r["wire"]["s2c_bytes"] / 1000) for c in ("tern", "ssh", "mosh-never")]
    out.append(["`cat` of 20 MB: to the client, kB (tern's with the history that came until then)", "70 + history",
                *(cell(only(v)) for v in sent), "see below"])
    for side, limit in (("client", 3), ("server", 3)):
        got = [only(memory_of(results, c, side, names)) for c, names in
               (("tern", ("tern", "tern-server")), ("ssh", ("ssh", "sshd")), ("mosh-never", ("mosh-client", "mosh-server")))]
        out.append([f"Private_Dirty of the {side} after typing, MiB", str(limit), *map(cell, got), verdict(got[0], limit)])
    idle = [only(results.figures("idle", c, lambda r: r["idle_packets_per_hour"])) for c in ("tern", "ssh", "mosh-never")]
    out.append(["packets an hour when idle", "300", *map(cell, idle), verdict(idle[0], 300)])
    for case, limit in (("startup", 50), ("startup200", 250)):
        base = {n: r["startup_s"] for n, r in results.of(case, "ssh")}
        got = [only([(r["startup_s"] - base[n]) * 1000 for n, r in results.of(case, c) if n in base])
               for c in ("tern", "ssh", "mosh-never")]
        title = "no delay" if limit == 50 else "200 ms"
        out.append([f"start-up beyond the login, {title}: ms", str(limit), cell(got[0]), "-", cell(got[2]), verdict(got[0], limit)])
    for case, title, limit in (("address", "after a new address", 150), ("natport", "after a new NAT port", 150),
                               ("outage5", "after 5 s without a network", 400), ("outage60", "after 60 s without a network", 3150)):
        got = [only(x for x in results.figures(case, c, lambda r: r["recover_ms"]) if x >= 0)
               for c in ("tern", "ssh", "mosh-adaptive")]
        out.append([f"current screen {title}, 50 ms: ms", str(limit), *map(cell, got), verdict(got[0], limit)])
    return out


def memory_of(results, client, side, names):
    return [sum(p["private_dirty_kb"] for p in r[side]["procs"] if p["name"] in names) / 1024
            for _, r in results.of("lan", client)]


REFERENCE = [  # what design.md section 5 gives in brackets: (case, client, what, figure, unit)
    ("lan", "ssh", "median", 0.6), ("lan", "mosh-never", "median", 10.3), ("rtt200", "ssh", "median", 201),
    ("rtt500", "ssh", "median", 501), ("rtt200", "mosh-never", "median", 254), ("rtt500", "mosh-never", "median", 701),
    ("loss", "ssh", "median", 1022), ("loss", "ssh", "p99", 45000), ("loss", "mosh-never", "median", 159),
    ("loss", "mosh-never", "p99", 525), ("rtt50", "mosh-adaptive", "% within 5 ms", 91),
    ("rtt200", "mosh-adaptive", "% within 5 ms", 79), ("rtt500", "mosh-adaptive", "% within 5 ms", 61)]


def reference_rows(results):
    """[case, client, what, here, design.md, within the tolerance]: 15 % or 1 ms; under loss a factor of 1.5."""
    out = []
    for case, client, what, expected in REFERENCE:
        keys = results.keys(case, client)
        if not keys:
            continue
        got = {"median": lambda: quantile(keys, 0.5), "p99": lambda: quantile(keys, 0.99),
               "% within 5 ms": lambda: results.within5(case, client)[0]}[what]()
        if case == "loss":
            good = expected / 1.5 <= got <= expected * 1.5
        else:
            good = abs(got - expected) <= max(1, 0.15 * expected)
        out.append([case, TITLES[client], what, number(got), number(expected), "yes" if good else "**no**"])
    return out


# ---- a page of which a part was measured again ----

LATER = "measured later, "
NOT_REPLACED = ("## Echo of a key", "## Not measured")  # they speak of all cases


def sections(text):
    """[(heading, lines with it)]; what stands before the first heading has the heading ""."""
    out = [("", [])]
    for line in text.splitlines():
        if line.startswith(("## ", "### ")):
            out.append((line, []))
        out[-1][1].append(line)
    return out


def without(line, names):
    """An earlier remark of the head without the cases that are replaced again; None: nothing is left of it."""
    if not line.startswith("* " + LATER):
        return line
    had, rest = line[2 + len(LATER):].split(": ", 1)
    left = [n for n in had.split(", ") if n not in names]
    return f"* {LATER}{', '.join(left)}: {rest}" if left else None


def updated(old, new, rows, names, remark):
    """The page `old` with the sections of `new`, and with those rows of the budgets that have a figure of ours. The remark tells
    when and with what these cases were measured."""
    remark = f"{LATER}{', '.join(names)}: {remark}"
    got = dict(sections(new))
    fresh = {r[0]: "| " + " | ".join(r) + " |" for r in rows if r[2] != "-"}
    out = []
    for heading, lines in sections(old):
        if heading == "":
            lines = [kept for line in lines if (kept := without(line, names)) is not None]
            last = max(i for i, line in enumerate(lines) if line.startswith("* "))
            lines.insert(last + 1, f"* {remark}")
        elif heading == BUDGETS:
            lines = [fresh.get(line[2:].split(" | ")[0], line) for line in lines]
        elif heading in got and heading not in NOT_REPLACED:
            lines = marked(got.pop(heading), remark)
        out.append((heading, lines))
    at = next((i for i, (heading, _) in enumerate(out) if heading == "## Not measured"), len(out))
    if at < len(out):
        text = "\n".join(line for heading, lines in [*out[:at], *got.items()] for line in (heading, *lines))
        out[at] = (out[at][0], [line for line in out[at][1] if not measured_now(line, text)])
    known = {"", BUDGETS, *NOT_REPLACED}
    out[at:at] = [(h, marked(lines, remark)) for h, lines in got.items() if h not in known]
    return "\n".join(line for _, lines in out for line in lines).rstrip() + "\n"


def measured_now(line, text):
    """A row of what was not measured: is it of a client that has rows by now, or of forwards, which have a section?"""
    what = line.split(" | ")[0]
    if not line.startswith("| ") or what == "| what":
        return False
    return f"\n{what} | " in text or (what.startswith("| TCP forwards") and "## Forwards" in text)


def marked(lines, remark):
    return [lines[0], "", f"*{remark[0].upper()}{remark[1:]}.*", *lines[1:]] + ([] if lines[-1] == "" else [""])
