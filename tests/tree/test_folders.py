"""A folder includes directly only what its row in docs/CODE-MAP.md lists."""
import re

from tree import ROOT, files, folder_rule, text

# Folders of ours that a later issue brings; their rows come with them.
LATER = set()


def includes(path):
    for number, line in enumerate(text(path).splitlines(), 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if m:
            yield number, m[1]


def test_every_folder_has_a_row():
    there = {p.split("/")[1] for p in files("src/*.c", "src/*.h")}
    assert there - folder_rule().keys() == set()
    assert folder_rule().keys() - there == set()


def test_no_folder_includes_what_its_row_does_not_list():
    rule = folder_rule()
    bad = []
    for path in files("src/*.c", "src/*.h"):
        own = path.split("/")[1]
        for number, name in includes(path):
            folder = name.split("/")[0]
            if "/" not in name:
                bad.append(f'{path}:{number}: "{name}" without its folder')
            elif folder != own and folder not in rule[own][0]:
                bad.append(f"{path}:{number}: {own} may not include {folder}")
            elif not (ROOT / "src" / name).exists():
                bad.append(f'{path}:{number}: "{name}" does not exist')
    assert bad == []


def test_rows_name_folders():
    rule = folder_rule()
    for folder, (may, _) in rule.items():
        assert may <= rule.keys() | LATER, folder


def test_pure_folders_include_only_pure_ones():
    rule = folder_rule()
    bad = [f"{f} -> {m}" for f, (may, pure) in rule.items() if pure for m in may if m in rule and not rule[m][1]]
    assert bad == []


def test_one_header_names_the_quic_libraries():
    named = {p for p in files("src/*.c", "src/*.h") if re.search(r"#\s*include\s+<(ngtcp2|gnutls)/", text(p))}
    assert named == {"src/quic/library.h"}
    users = {p for p in files("src/*.c", "src/*.h") for _, name in includes(p) if name == "quic/library.h"}
    assert users <= {"src/quic/adapter_impl.h", "src/quic/tls.h"}
