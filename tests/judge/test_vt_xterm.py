"""Every script of tests/vt runs in a real xterm; where its expectations are not xterm's, tests/vt/differences.txt
argues. Beside it: the comparison itself sees what is planted."""
import glob
import os

import argued
import vt

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vt")
SCRIPTS = sorted(glob.glob(os.path.join(FOLDER, "*.vt")))
# What xterm can tell of all scripts together, at the least: the comparison must not go blind unseen.
AT_LEAST = 2000


def test_scripts_against_xterm(xterm):
    table, made, bad = argued.read(), 0, []
    for path in SCRIPTS:
        name, script = os.path.splitext(os.path.basename(path))[0], vt.Script(path)
        if script.why_blind():
            continue
        count, found = vt.check(xterm, script)
        made += count
        bad += [f'{name}.vt:{line}: {what}: xterm has "{got}", the script "{want}"'
                for line, what, got, want in found if not table.covers(name, line, what)]
    print(f"{made} expectations of {len(SCRIPTS)} scripts, {len(table.used)} arguments")
    bad += [f"differences.txt: no difference needs this line any more: {name}  {what}"
            for name, what, _ in table.stale()]
    assert not bad, "\n".join(bad)
    assert made >= AT_LEAST


def test_planted_differences_are_seen(xterm, tmp_path):
    path = tmp_path / "planted.vt"
    path.write_text('size 20x4\n'
                    'push "\\e[1;31mab\\e[0m\\r\\nc\\u{4e2d}\\u{301}\\e[5n\\e]2;ti\\a\\e[?2004h"\n'
                    'row 0 = "abx"\nrow 0 = "ab"\ncursor 1,3\ncursor 1,4\npen 0,1 = bold fg=1\npen 0,1 = bold fg=2\n'
                    'cell 1,1 = "\\u{4e2d}\\u{301}"\ncell 1,2 = ""\ncell 1,2 = "z"\nreply = "\\e[0n"\nreply = "\\e[0n"\n'
                    'title = "ti"\ntitle = "to"\nmode bracketed_paste = off\nalt = yes\npending = yes\n'
                    'push "\\n\\n\\n"\nhistory 0 = "ab"\nhistory 0 = "ba"\n')
    made, found = vt.check(xterm, vt.Script(path))
    assert made == 18
    assert [line for line, *_ in found] == [3, 5 + 1, 8, 11, 13, 15, 16, 17, 18, 21]


def test_cases_do_not_touch_each_other(xterm):
    """What a case leaves behind is gone in the next."""
    dirt = [b"\x1b[?1049hx\x1b[3;4r\x1b[?69h\x1b[2;5s\x1b[?6h\x1b[4h\x1b[20h\x1b(0\x1b[1;31m\x1b[?5h\x1b[3g\x1b]2;t\a\x1b[12l",
            b"\x1b[?2lx", b"\x1b[5ix", b"\x1b[?5ix", b"\x1bPq", b"\x1b]2;x", b"\x1b G", b"\x1b[>3;1T\x1b[22;0t", b"\x1b[1\"q",
            b"1\n2\n3\n4\n5\n6\n7\n", b"\xe2\x82", b"\x1b[?40h\x1b[?3h", b"\x1b[?38h", b"\x1b[2h", b"\x1b[?7;6s", b"\x1b[?42h\x1b(K", b"\x1b%@", b"\x1b[61\"px", b"\x1b#3\x1b#8"]
    for d in dirt:
        xterm.reset(10, 5)
        xterm.send(d)
        s = xterm.show(10, 4, [b"\x1b[?7r"])
        assert not s.mode("?7"), d
        s = xterm.show(10, 4, ["q1é\r\n\tb\x1b[5n".encode()])
        assert (s.rows, s.cursor, s.replies) == (["q1é", "        b", "", ""], (1, 9), b"\x1b[0n"), d
        assert (s.region, s.margins, s.current_pen, s.title(), s.history) == ((0, 3), (0, 9), "default", "(none)", []), d


def test_the_table_is_read(tmp_path):
    path = tmp_path / "d.txt"
    path.write_text("# x\na_*  row * : because\n    of this\nb  cursor 0,1 : that\n")
    table = argued.read(path)
    assert not [e for e in argued.read().entries if e[2].startswith("open")]  # undecided
    assert table.entries[0][2] == "because of this"
    assert table.covers("a_b", 1, "row 3") and not table.covers("a_b", 1, "cursor 0,1") and not table.covers("c", 1, "row 1")
    assert [e[0] for e in table.stale()] == ["b"]
