"""The bench's arithmetic, choice of cases, page and plot."""
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

BENCH = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", "bench"))
sys.path.insert(0, BENCH)
import cases  # noqa: E402
import page  # noqa: E402
import plot  # noqa: E402


def typed(lat, **more):
    procs = [{"name": "tern", "private_dirty_kb": 1024, "rss_kb": 4096, "cpu_ms": 5}]
    return {"lat": lat, "never": 0, "wrong": 0, "wrong_ms": 0, "guessable": 0.5, "client": {"procs": procs},
            "server": {"procs": []}} | more


def test_quantile():
    values = list(range(1, 101))
    assert page.quantile(values, 0.5) == 51
    assert page.quantile(values, 0.99) == 100
    assert page.quantile([7], 0.99) == 7


def test_middle():
    assert page.middle([3, 1, 2]) == "2 (1-3)"
    assert page.middle([2.25], 1) == "2.2"
    assert page.middle([]) == "-"


def test_keys_that_never_show_count_as_late():
    r = page.Results({"rtt50": [("ssh", "bash", 0, typed([1, 1, 9], never=1)), ("ssh", "vim", 1, typed([9, 9, 9, 9]))]})
    share, perfect = r.within5("rtt50", "ssh")
    assert share == 100 * 2 / 8
    assert perfect == 50
    assert r.round_medians("rtt50", "ssh") == [1, 9]
    assert r.within5("rtt50", "tern") is None


def test_budget_rows_without_a_figure_say_so():
    rows = {r[0]: r for r in page.budget_rows(page.Results({}))}
    assert all(r[5] in ("not measured", "see below") for r in rows.values())


@pytest.mark.parametrize("tern, verdict", [(1.5, "kept"), (1.7, "**missed**")])
def test_echo_budget_is_relative_to_ssh(tern, verdict):
    r = page.Results({"lan": [("ssh", "bash", 0, typed([0.6])), ("tern", "bash", 0, typed([tern]))]})
    assert page.budget_rows(r)[0][5] == verdict


@pytest.mark.parametrize("got, good", [(0.6, "yes"), (1.5, "yes"), (1.7, "**no**")])
def test_reference_tolerates_a_millisecond(got, good):
    r = page.Results({"lan": [("ssh", "bash", 0, typed([got]))]})
    assert page.reference_rows(r) == [["lan", "ssh", "median", f"{got:.1f}", "0.6", good]]


def test_jobs_are_interleaved_and_turn():
    case = cases.Case("x", "x", "typing", [], ["ssh", "mosh-never", "tern"], ["echo", "vim"], rounds=2)
    got = [(j.round, j.program, j.client) for j in cases.jobs(case, {"ssh", "tern"})]
    assert got == [(0, "echo", "ssh"), (0, "echo", "tern"), (0, "vim", "ssh"), (0, "vim", "tern"),
                   (1, "echo", "tern"), (1, "echo", "ssh"), (1, "vim", "tern"), (1, "vim", "ssh")]


def test_quick_leaves_no_kind_out():
    every, quick = cases.all_cases(), cases.quicken(cases.all_cases())
    assert {c.kind for c in quick} == {c.kind for c in every}
    assert all(q.rounds <= e.rounds for q in quick for e in every if q.name == e.name)
    assert len({c.name for c in every}) == len(every)


def curve_of(svg, colour):
    lines = [e for e in svg.iter("{http://www.w3.org/2000/svg}polyline") if e.get("stroke") == plot.COLOURS[colour]]
    return [tuple(map(float, p.split(","))) for p in lines[0].get("points").split()]


def test_plot_shows_shares():
    svg = ET.fromstring(plot.draw([("a & b", [("ssh", [10, 10, 10], 1), ("tern", [1, 100], 0)])], cases.TITLES))
    half = curve_of(svg, "ssh")
    assert min(y for _, y in half) == pytest.approx(plot.PANEL_H * 0.25, abs=0.1)  # a quarter never came
    full = curve_of(svg, "tern")
    assert min(y for _, y in full) == 0
    assert [x for x, _ in full] == sorted(x for x, _ in full)
    assert plot.place(1) < plot.place(100) < plot.PANEL_W


def bench(*words, **env):
    return subprocess.run([sys.executable, os.path.join(BENCH, "run.py"), *words], capture_output=True, text=True,
                          env=dict(os.environ, CASES="", **env))


def test_unknown_case_is_refused():
    p = bench("--cases", "nonsense", "--list")
    assert p.returncode != 0 and "nonsense" in p.stderr and "loss" in p.stderr


def test_page_of_kept_results(tmp_path):
    lines = [{"case": "lan", "client": c, "program": "bash", "round": 0, "result": typed([t, t, t])}
             for c, t in (("ssh", 0.6), ("tern", 0.7))]
    lines.append({"case": "lan", "client": "mosh-never", "program": "vim", "round": 1,
                  "result": {"error": "the driver gave no result"}})
    (tmp_path / "r").write_text("\n".join(map(json.dumps, lines)))
    p = bench("--cases", "lan", "--from", str(tmp_path / "r"), "--print")
    assert p.returncode == 0, p.stderr
    assert "| tern | 3 | 0.7 |" in p.stdout
    # What failed is in the list, with its reason.
    assert "| lan, mosh-never, vim, round 2 | the driver gave no result |" in p.stdout


@pytest.mark.skipif(os.geteuid() != 0 or not os.path.exists("/usr/bin/setpriv"), reason="needs root to give it up")
def test_without_root_it_says_what_it_cannot_do():
    code = f"import sys; sys.path.insert(0, {BENCH!r}); import lab; print(lab.why_not())"
    p = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", code],
                       capture_output=True, text=True)
    assert p.stdout.startswith("needs root"), p.stderr


def test_a_later_line_replaces_an_earlier_one(tmp_path):
    lines = [{"facts": ["first run"]}, {"facts": ["second run"]}]
    lines += [{"case": "lan", "client": "ssh", "program": "bash", "round": 0, "result": typed([t] * 5)} for t in (9, 2)]
    (tmp_path / "r").write_text("\n".join(map(json.dumps, lines)))
    p = bench("--cases", "lan", "--from", str(tmp_path / "r"), "--print", "--note", "a remark")
    assert "| ssh | 5 | 2.0 |" in p.stdout, p.stderr
    assert "* first run\n" in p.stdout and "* a remark\n" in p.stdout


def test_an_update_adds_a_part_and_drops_what_is_measured_now():
    old = "\n".join(["# Benchmarks", "", "* a remark", "", "## Pipes", "", "| client |", "|---|", "| tern |", "", "## Not measured", "",
                     "| what | why |", "|---|---|", "| TCP forwards; typing beside one | by hand |", "| tern, adaptive | not yet |",
                     "| tssh --udp | not on PATH |", ""])
    new = "\n".join(["# Benchmarks", "", "* another", "", "## Forwards", "", "How.", "", "| client | MB/s |", "|---|---|",
                     "| tern, adaptive | 5 |", ""])
    text = page.updated(old, new, [], ["forward"], "today")
    assert "## Forwards\n\n*Measured later, forward: today.*\n\nHow." in text
    assert "* measured later, forward: today" in text
    end = text[text.index("## Not measured"):]
    assert end.split("\n\n", 1)[1] == "| what | why |\n|---|---|\n| tssh --udp | not on PATH |\n"
    assert text.index("## Forwards") < text.index("## Not measured")
