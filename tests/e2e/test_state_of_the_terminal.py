"""What a program sets that is neither text nor a mode: colours and hyperlinks. They reach the user's
terminal, played on a pty, and are gone when the session is."""
import re

from lib.wait import wait_until


def test_links_reach_the_terminal(box, terms):
    box.script("job", r"printf 'a\033]8;id=x;http://h/1\033\\LINK\033]8;;\033\\b'; read end")
    t = terms(["tern", "--local", "--", "job"])
    t.wait_for(b"\x1b]8;id=tern1;http://h/1\x1b\\LINK\x1b]8;;\x1b\\")
    t.type("\r")
    assert t.wait_end() == 0


def test_links_of_lines_that_no_screen_showed(box, terms):
    """A flood: nearly all of its lines go by between two frames. Each link is where its text is."""
    box.script("job", "awk 'BEGIN { for (i = 1; i <= 2000; i++) "
               r"""printf "\033]8;;http://h/%d\033\\L%d\033]8;;\033\\\n", i, i }'; read end""")
    t = terms(["tern", "--local", "--", "job"])
    t.wait_for(b";http://h/2000\x1b\\L2000")
    want = {(b"%d" % i, b"%d" % i) for i in range(1, 2001)}
    found = re.compile(rb"\x1b\]8;id=tern\d+;http://h/(\d+)\x1b\\L(\d+)[\r\x1b]")
    wait_until(lambda: set(found.findall(t.bytes)) == want, 20, "all links",
               lambda: str(len(set(found.findall(t.bytes)))))
    t.type("\r")
    assert t.wait_end() == 0


def test_colours_are_set_and_given_back(box, terms):
    box.script("job", r"printf '\033]11;#102030\033\\\033]4;1;rgb:ff/00/80\aSET'; read go; "
                      r"printf '\033]104\aRESET'; read end")
    t = terms(["tern", "--local", "--", "job"])
    t.wait_for(b"\x1b]11;rgb:10/20/30\x1b\\")
    t.wait_for(b"\x1b]4;1;rgb:ff/00/80\x1b\\")
    assert b"\x1b]104" not in t.bytes
    t.type("\r")
    t.wait_for(b"\x1b]104;1\x1b\\")
    assert b"\x1b]111" not in t.bytes
    t.type("\r")
    assert t.wait_end() == 0
    assert t.bytes.count(b"\x1b]111\x1b\\") == 1


def test_whoever_attaches_sees_them(box, terms):
    """State, not events: a second client is told though the program says nothing more."""
    box.script("job", r"printf '\033]12;#00ff00\a\033]8;;http://h/2\aLINK\033]8;;\a'; read end")
    first = terms(["tern", "--local", "--name=one", "--", "job"])
    first.wait_for(b"LINK")
    second = terms(["tern", "--attach", "one"])
    second.wait_for(b"\x1b]12;rgb:00/ff/00\x1b\\", since=False)
    second.wait_for(b";http://h/2\x1b\\LINK", since=False)
    second.type("\r")
    assert second.wait_end() == 0
    assert first.wait_end() == 0
