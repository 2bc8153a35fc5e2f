"""Differential fuzzing: seeded cases of tests/judge/grammar.c in the engine, in xterm and in libvterm. A difference that
argued.txt does not argue is a bug. TERN_SOAK=1: more seeds."""
import os
import re
import subprocess

import pytest

import rules
import xfuzz

HERE = os.path.dirname(os.path.abspath(__file__))
XTERM_CASES, XTERM_SOAK = 400, 20000
VTERM_CASES, VTERM_SOAK = 40000, 4000000
# Cases that an argument takes out of the comparison, at the most.
ARGUED_SHARE = 0.25


@pytest.fixture(scope="module")
def difftern(build):
    path = os.path.join(build, "tests", "judge", "difftern")
    if not os.path.exists(path):
        pytest.skip("difftern is not built (no libvterm)")
    return path


def test_against_xterm(xterm, difftern, soak):
    f = xfuzz.Fuzz(xterm, difftern, rules.read())
    count, reports = XTERM_SOAK if soak else XTERM_CASES, []
    try:
        for case in xfuzz.generate(difftern, 1, count):
            if f.judge(case, count=True):
                reports.append(f.report(case))
                if len(reports) == 5:
                    break
    finally:
        f.close()
    print(f"{count} cases, argued: {f.used}, not looked at: {f.blind}")
    assert not reports, "\n".join(reports)
    assert f.blind < count / 100
    assert sum(f.used.values()) < ARGUED_SHARE * count


def test_against_libvterm(difftern, soak):
    p = subprocess.run([difftern, "vterm", "1", str(VTERM_SOAK if soak else VTERM_CASES)], capture_output=True, text=True)
    print(p.stdout.splitlines()[-1])
    assert p.returncode == 0, p.stdout


def test_a_planted_difference_is_found_and_minimised(xterm, difftern):
    """An engine that is told one sequence more than xterm: the report names that."""
    f = xfuzz.Fuzz(xterm, difftern, [])
    honest = f.engine.show

    def lying(case):
        tokens = [t if t != b"\x1b[2;2H" else t + b"!" for t in case.tokens]
        return honest(xfuzz.Case(case.seed, case.cols, case.rows, tokens))

    f.engine.show = lying
    case = xfuzz.Case(7, 12, 4, [b"abc", b"\x1b[1m", b"\r\n", b"\x1b[2;2H", b"xyz", b"\x1b[K", b"\x1b[3;1H", b"q"])
    try:
        assert f.judge(case)
        small = f.minimise(case)
        assert small.tokens == [b"\x1b[2;2H"]
        assert "xterm" in f.report(case) and 'push "\\e[2;2H"' in f.report(case)
    finally:
        f.close()


def test_every_argument_has_its_place():
    """argued.txt names each rule of rules.py, and each name in the C files; and the other way round."""
    sides = {"xterm": set(rules.PREDICATES), "vterm": set()}
    for name in ("grammar.c", "look.c"):
        with open(os.path.join(HERE, name), encoding="utf-8") as f:
            sides["vterm"] |= set(re.findall(r"\bvterm-[a-z0-9-]+", f.read()))
    for side, names in sides.items():
        argued = {name for s, name, reason in rules.lines() if s == side and len(reason) > 20}
        assert argued == names
