"""Local echo over a link of 200 ms: what is typed shows while nothing can have come back, because nothing can pass."""
import os
import shlex

import pytest

from lib.wait import stays

PROMPT = "inner$"


class Typist:
    def __init__(self, box, lab, options="--predict=always", command="inner"):
        self.box, self.lab = box, lab
        lab.do("rtt 200")
        server = shlex.join([*lab.enter("s"), os.path.join(box.build, "tern-server")])
        box.script("srv", f'exec {server} "$@"')
        box.script("tern-c", f'{shlex.join(lab.enter("c"))} tern --local --transport=udp --server="exec srv" "$@"')
        self.w = box.tmux.shell()
        self.w.resize(80, 10)
        self.w.start(f"tern-c {options} -- {command}")

    def believed(self):
        """Keys have been echoed at this prompt."""
        self.w.wait_prompt(PROMPT, 40)
        self.w.line("echo $((6*7))")
        self.w.wait_row("42", 20)
        self.w.wait_prompt(PROMPT, 20)
        self.w.settled()

    def alone_at(self, line, prompt):
        """A line is entered that ends at a prompt of its own; then nothing passes any more."""
        self.w.line(line)
        self.w.wait(lambda: last(self.w) == prompt, 20)
        self.w.settled()
        self.lab.do("down")

    def leave(self):
        self.lab.do("up")
        self.w.line("exit 3")
        assert self.w.finish(40) == 3
        self.box.wait_no_server(30)


def last(w):
    return [r for r in w.rows() if r][-1]


def underlined(w):
    """Text of the cursor's row that is."""
    return "".join(text for text, pen in w.cells()[w.cursor()[1]] if dict(pen).get("underline"))


def shows(w, text):
    w.wait(lambda: last(w) == text, 5, f"{text!r} at the bottom")


def test_keys_show_while_nothing_passes(box, netlab):
    t = Typist(box, netlab)
    t.believed()
    netlab.do("down")
    t.w.type("echo abc")
    shows(t.w, f"{PROMPT} echo abc")
    assert t.w.cursor()[0] == len(f"{PROMPT} echo abc")
    t.w.keys("BSpace", "Left", "Left")
    t.w.type("X")
    shows(t.w, f"{PROMPT} echo Xab")
    t.w.keys("Enter")
    t.w.type("echo next")
    stays(lambda: "next" not in t.w.text(), 1)  # nobody knows where that will be
    netlab.do("up")
    t.w.wait_row("Xab", 20)
    shows(t.w, f"{PROMPT} echo next")
    t.w.keys("Enter")
    t.w.wait_row("next", 20)
    t.leave()


def test_an_outage_underlines_guesses_and_passes_keys_on(box, netlab):
    t = Typist(box, netlab, "--predict=adaptive")
    t.believed()
    t.w.line("echo $((7*6)); sleep 1000")
    t.w.wait(lambda: t.w.rows().count("42") == 2, 20)
    stays(lambda: last(t.w) == "42", 1)  # that the kernel echoes is told with it, or soon after
    netlab.do("down")
    t.w.type("xyz")  # the kernel echoes
    shows(t.w, "xyz")
    t.w.wait(lambda: underlined(t.w) == "xyz", 20, "underlined guesses")
    t.w.keys("C-c")
    netlab.do("up")
    t.w.wait_prompt(PROMPT, 30)
    assert "^C" in t.w.text() and underlined(t.w) == ""
    t.leave()


def test_no_password_shows(box, netlab):
    t = Typist(box, netlab, "--predict=experimental")
    t.believed()
    t.alone_at("stty -echo; printf 'Password: '; read x; stty echo; echo got-$x", "Password:")
    t.w.type("secret")
    stays(lambda: "secret" not in t.w.text(), 1)
    netlab.do("up")
    t.w.keys("Enter")
    t.w.wait_row("Password: got-secret", 20)
    t.leave()


def test_a_raw_program_that_does_not_echo(box, netlab):
    """As a login that another login asks for: nothing tells, but it shows no prompt at which keys were ever echoed."""
    t = Typist(box, netlab)
    t.believed()
    t.alone_at("stty -echo -icanon; printf 'Password: '; x=$(dd bs=1 count=6 2>/dev/null); stty sane; echo got-$x", "Password:")
    t.w.type("secret")
    stays(lambda: "secret" not in t.w.text(), 1)
    netlab.do("up")
    t.w.wait_row("Password: got-secret", 20)
    t.leave()


def test_no_guess_gets_into_the_scrollback(box, netlab):
    t = Typist(box, netlab, "--predict=experimental")
    t.believed()
    t.alone_at("stty -echo -icanon; printf 'Go: '; dd bs=1 count=5 2>/dev/null | tr -d ghost; stty sane; seq 40", "Go:")
    t.w.type("ghost")
    shows(t.w, "Go: ghost")  # a guess, and a wrong one
    netlab.do("up")
    t.w.wait_row("40", 20)
    t.w.settled()
    lines = t.w.text(history=True).split("\n")
    at = next(i for i, row in enumerate(lines) if row.startswith("Go:"))
    assert lines[at:at + 40] == ["Go: 1", *map(str, range(2, 41))]
    t.leave()


@pytest.mark.needs("vim")
def test_modes_of_vim(box, netlab):
    t = Typist(box, netlab, command="vim -u NONE -i NONE -N -n")
    t.w.wait(lambda: "~" in t.w.rows(), 40)
    t.w.settled()
    t.w.type("o")  # below what the bar covers
    t.w.wait_for("INSERT", 20)
    t.w.type("ab")
    t.w.wait_row("ab", 20)
    t.w.settled()
    netlab.do("down")
    t.w.type("cd")
    t.w.wait(lambda: t.w.rows()[1] == "abcd", 5)
    t.w.keys("Escape")
    t.w.type("hhx")  # commands
    stays(lambda: t.w.rows()[1] == "abcd", 1)
    netlab.do("up")
    t.w.wait(lambda: t.w.rows()[1] == "acd" and "INSERT" not in t.w.text(), 20)
    t.w.settled()
    netlab.do("down")
    t.w.type("x")
    stays(lambda: t.w.rows()[1] == "acd", 1)
    netlab.do("up")
    t.w.wait(lambda: t.w.rows()[1] == "ad", 20)
    t.w.type("A")
    t.w.wait(lambda: "INSERT" in t.w.text(), 20)
    t.w.settled()
    netlab.do("down")
    t.w.type("!")
    t.w.wait(lambda: t.w.rows()[1] == "ad!", 5)  # vim's own word is enough
    netlab.do("up")
    t.w.settled()
    t.w.keys("Escape")
    t.w.line(":cq")
    assert t.w.finish(30) == 1
    box.wait_no_server(30)
