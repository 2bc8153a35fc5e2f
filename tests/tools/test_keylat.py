"""The typist (tools/keylat): it must see what is planted. No network: a client that is a few lines of Python."""
import json
import os
import subprocess
import sys

import pytest

from lab import BUILD, tool, why_no_link

KEYDRV = tool("keydrv")
HERE = os.path.dirname(os.path.abspath(__file__))
KEYLAT = os.path.join(HERE, "..", "..", "tools", "keylat")
pytestmark = pytest.mark.skipif(not os.path.exists(KEYDRV), reason="keydrv is not built (no libvterm)")

TEXT = b"pack my box with five dozen liquor jugs"
KEY_MS = 60

# Answers each key as raw cat would; what is planted comes as JSON.
CLIENT = r"""
import json, os, select, sys, termios, time, tty
plan = json.loads(sys.argv[1])
tty.setraw(0)
os.write(1, b"\033[H\033[2JREADY>")
late, count = [], 0   # [(when, bytes)]
while True:
    wait = max(0, late[0][0] - time.monotonic()) if late else None
    held = plan.get("hold") and late  # no key before the picture is right again
    if select.select([] if held else [0], [], [], wait)[0]:
        got = os.read(0, 1)
        if not got:
            break
        at = time.monotonic() + plan.get("delay", 0) / 1000
        if count == plan.get("wrong_key"):
            late.append((at, plan.get("before", "").encode() + b"#"))
            at += plan["wrong_ms"] / 1000
            late.append((at, b"\b" + got + plan.get("after", "").encode()))
        elif count != plan.get("swallow"):
            late.append((at, got))
        count += 1
        late.sort(key=lambda l: l[0])
    while late and late[0][0] <= time.monotonic():
        os.write(1, late.pop(0)[1])
"""


def keydrv(*args):
    done = subprocess.run([KEYDRV, *args], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    (folder / "keys").write_text("".join(f"{KEY_MS} {c:02x}\n" for c in TEXT))
    options = ["--keys", str(folder / "keys"), "--ref", str(folder / "ref")]
    got = keydrv(*options, "ref", "--", os.path.join(KEYLAT, "labapp"), "echo")
    assert got["ref_keys"] == len(TEXT)
    return options


def type_at(keys, **plan):
    return keydrv(*keys, "--settle", "0.2", "--tail", "1", "type", "--", sys.executable, "-c", CLIENT, json.dumps(plan))


def test_nothing_planted(keys):
    got = type_at(keys)
    assert (got["start_ok"], got["shown"], got["never"], got["wrong"]) == (1, len(TEXT), 0, 0)
    assert got["n"] == len(got["lat"]) == len(TEXT)
    assert got["median"] < 20


def test_a_frame_is_seen_whole(keys):
    """What is wrong within synchronised output is not seen, and all the later for it."""
    for before, after in (("\033[?2026h", "\033[?2026l"), ("\033[?2026hx\b", "\033[?2026l\033[?2026h\033[?2026l")):
        got = type_at(keys, wrong_key=9, wrong_ms=60, hold=True, before=before, after=after)
        assert got["wrong"] == 0 and got["shown"] == len(TEXT)
        assert max(got["lat"]) > 55
    ask = "import os, tty; tty.setraw(0); os.write(1, b'\\x1b[?2026$p\\x1b[c'); a = b''\nwhile not a.endswith(b'c'): a += os.read(0, 99)\n" \
          "os.write(1, b'READY>' if a.startswith(b'\\x1b[?2026;2$y\\x1b[') else b'no')\nwhile c := os.read(0, 1): os.write(1, c)"
    assert keydrv(*keys, "--settle", "0.2", "--tail", "1", "type", "--", sys.executable, "-c", ask)["shown"] == len(TEXT)


def test_planted_delay(keys):
    got = type_at(keys, delay=50)
    assert got["shown"] == len(TEXT) and got["wrong"] == 0
    assert 50 <= got["min"] and 50 <= got["median"] < 70
    assert got["under5"] == 0


def test_delay_longer_than_the_gap_between_keys(keys):
    got = type_at(keys, delay=250)
    assert got["shown"] == len(TEXT)
    assert 250 <= got["median"] < 280


def test_planted_wrong_picture(keys):
    # The key after it comes before the picture is right again: wrong for one stretch.
    got = type_at(keys, wrong_key=10, wrong_ms=45)
    assert (got["wrong"], got["never"]) == (1, 0)
    assert 35 <= got["wrong_ms"] < 90


def test_wrong_picture_that_nobody_sees(keys):
    got = type_at(keys, wrong_key=10, wrong_ms=2)
    assert (got["wrong"], got["shown"]) == (0, len(TEXT))


def test_key_that_is_swallowed(keys):
    got = type_at(keys, swallow=20)
    assert got["shown"] == 20
    assert got["never"] == len(TEXT) - 20
    assert got["wrong"] >= 1  # the text without it was never the program's


# ---- the schedule ----


@pytest.fixture(scope="module")
def typist():
    """class Typist."""
    argv, sys.argv = sys.argv, ["keylat", "--help"]
    try:
        with open(os.path.join(KEYLAT, "keylat")) as f:
            source = f.read()
        names = {"__file__": os.path.join(KEYLAT, "keylat"), "__name__": "keylat"}
        exec(compile(source, "keylat", "exec"), names)
        return names["Typist"]
    finally:
        sys.argv = argv


def test_schedule_is_seeded(typist):
    assert typist("bash", 3).keys(200) == typist("bash", 3).keys(200)
    assert typist("bash", 3).keys(200) != typist("bash", 4).keys(200)


def test_what_a_perfect_guesser_reaches(typist):
    class Given(typist):
        def __init__(self, keys):
            self.given = keys

        def keys(self, n):
            return self.given[:n]

    row = [(100.0, c) for c in (b"a", b"b", b"\x7f", b"\r", b"c", b"d", b"e")]
    # Enter is no guess, and what comes within 150 ms of it waits for its answer.
    assert Given(row).guessable(7, 150) == 5 / 7
    assert Given(row).guessable(7, 50) == 6 / 7
    vi = [(100.0, c) for c in (b"a", b"\x1b", b"k", b"h", b"A", b"b", b"c")]
    # Neither Esc nor moves nor A; b comes 100 ms after A.
    assert Given(vi).guessable(7, 150) == 2 / 7
    assert Given(vi).guessable(7, 50) == 3 / 7
    assert typist("echo", 1).guessable(300, 500) == 1
    assert typist("vim", 1).guessable(300, 500) < typist("vim", 1).guessable(300, 50) < 1


@pytest.mark.skipif(why_no_link() is not None, reason=str(why_no_link()))
@pytest.mark.parametrize("link", ["veth", "rtt=0"])
def test_bytes_on_the_wire_of_a_bulk_run(tmp_path, link):
    """A run of the whole lab: its own namespaces, its own sshd, plain ssh."""
    size = 300000
    command = [os.path.join(KEYLAT, "keylat"), "--json", "--mode", "bulk", "--raw", "--link", link, "--settle", "0.2", "--bulk-cmd",
               f"head -c {size} /dev/zero | tr '\\0' x"]
    env = dict(os.environ, TERN_BUILD=os.path.abspath(BUILD), KEYLAT_WORK=str(tmp_path))
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=env)
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout.splitlines()[-1])
    assert got["client_out_bytes"] >= size
    assert size < got["wire"]["s2c_bytes"] < 1.2 * size + 50000
    assert 0 < got["wire"]["c2s_bytes"] < size / 2
    assert [p["name"] for p in got["client"]["procs"]] == ["ssh"]
