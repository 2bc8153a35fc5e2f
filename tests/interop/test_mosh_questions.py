"""A program behind a stock mosh-client: nothing is known of its terminal, so a program that asks must
not learn of what such a terminal will never be told; and its terminal gets nothing of it."""
import os

from lib.wait import wait_until

# Asks and then says in words what came; the last question is always answered.
ASK = r"""import os, re, sys, termios, tty
tty.setraw(0, termios.TCSANOW)
os.write(1, b"\x1b[>31u\x1b[>4;2m\x1b[?1016h\x1b[?1002h\x1b]8;;http://x\x1b\\LINK\x1b]8;;\x1b\\\x1b]11;#123456\x1b\\"
            b"\x1b[?2031h\x1b[?1042h\x1b[4 q")
os.write(1, b"\x1b[?u\x1b[?4m\x1b[?1016$p\x1b[?2031$p\x1b[?2027$p\x1b]10;?\x1b\\\x1b[14t\x1bP+q524742\x1b\\\x1b[?996n"
            b"\x1b[?2026$p\x1b[?2048$p\x1b[18t\x1b]11;?\x1b\\\x1b[5n")
got = b""
while not got.endswith(b"\x1b[0n"):
    got += os.read(0, 4096)
os.write(1, b"\x1b[?1002l\x1b[?1016l")
open("answers", "wb").write(got)
os.write(1, b"\r\nDONE\r\n")
os.read(0, 1)
"""


def test_questions_of_a_program_behind_a_stock_client(moshes):
    path = os.path.join(moshes.box.home, "answers")
    moshes.box.script("ask", ASK, "/usr/bin/python3")
    s = moshes.server("ours", "ask")
    w = moshes.client("stock", s)
    wait_until(lambda: "DONE" in w.text(), 15, "the program's word", w.text)
    answers = open(path, "rb").read()
    assert answers == (b"\x1b[?1016;0$y\x1b[?2031;0$y\x1b[?2027;0$y\x1bP0+r\x1b\\"
                       b"\x1b[?2026;2$y\x1b[?2048;2$y\x1b[8;24;80t\x1b]11;rgb:1212/3434/5656\x1b\\\x1b[0n"), answers
    assert "LINK" in w.text()
