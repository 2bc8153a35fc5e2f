"""tests/run.py itself: what it says when it cannot, and that it leaves nothing behind."""
import os
import select
import signal
import subprocess
import sys

import pytest

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
RUN = os.path.join(ROOT, "tests", "run.py")
# A run whose work is a command that waits, with one below it.
WAITING = """
import sys
sys.path.insert(0, sys.argv.pop(1))
import run
run.work = lambda tally, args: (tally.ok(), run.run(["sh", "-c", "exec 9> {}; echo up >&9; sleep 1000 & wait"], 1000))
sys.exit(run.main())
"""


def call(*words, **env):
    return subprocess.run([sys.executable, RUN, *words], capture_output=True, text=True, timeout=30,
                          env={**os.environ, **env})


@pytest.mark.parametrize("words,why", [
    (["fuzz", "--target", "nix"], "no fuzz target nix; there are answers, "),
    (["fuzz", "--seconds", "0"], "number above 0"),
    (["check", "--stage", "sim"], "--stage is for soak"),
    (["soak", "--target", "parser"], "--target is for fuzz"),
])
def test_what_is_ignored_is_refused(words, why):
    p = call(*words)
    assert p.returncode == 2 and why in p.stderr.splitlines()[-1] and not p.stdout


@pytest.mark.parametrize("words", [["fuzz"], ["soak", "--stage", "fuzz"]])
def test_without_a_compiler(words, tmp_path):
    """One line says what to do, and the closing line counts it."""
    p = call(*words, PATH=str(tmp_path))
    assert p.returncode == 1 and p.stderr == ""
    assert p.stdout.count("clang is not installed; make deps installs") == 1
    assert p.stdout.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(number, tmp_path):
    """Ends what it had started, which no Ctrl-C reaches, and counts what it had."""
    mark = tmp_path / "fifo"  # both of them hold it open
    os.mkfifo(mark)
    p = subprocess.Popen([sys.executable, "-c", WAITING.replace("{}", str(mark)), os.path.dirname(RUN), "check"],
                         stdout=subprocess.PIPE, text=True)
    with open(mark) as f:
        assert f.readline() == "up\n"
        p.send_signal(number)
        out, _ = p.communicate(timeout=30)
        assert select.select([f], [], [], 10)[0] and os.read(f.fileno(), 1) == b""
    assert p.returncode == 1
    assert out.splitlines()[-2:] == [f"failed: interrupted by {number.name}", "1 passed, 1 failed, 0 skipped"]
