"""What the tests of the tree share: where things are, and what git would ship."""
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("TERN_BUILD") or ROOT / "build")


def files(*patterns):
    """Files that are committed or would be (not ignored), as paths relative to the root."""
    out = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
                          "--exclude-standard", "--", *patterns],
                         cwd=ROOT, capture_output=True, check=True).stdout
    return sorted(p for p in out.decode().split("\0") if p and (ROOT / p).is_file())


def text(path):
    return (ROOT / path).read_text(errors="replace")


def folder_rule():
    """{folder: (set of folders it may include, pure?)}, from the table in docs/CODE-MAP.md."""
    rule = {}
    for line in text("docs/CODE-MAP.md").splitlines():
        row = re.match(r"\| `src/(\w+)` \| ([^|]*) \| (pure|edge) \|", line)
        if row:
            rule[row[1]] = (set(re.findall(r"\w+", row[2])), row[3] == "pure")
    assert len(rule) >= 10, "the table of folders in docs/CODE-MAP.md cannot be read"
    return rule


def pure_archives():
    """[(folder, archive)] of the pure folders as built."""
    found = []
    for folder, (_, pure) in folder_rule().items():
        archive = BUILD / "src" / folder / f"lib{folder}.a"
        if pure and archive.exists():
            found.append((folder, archive))
    assert found, f"no pure library in {BUILD}"
    return found


def code_only(source):
    """C text with comments and string literals blanked, lines kept."""
    def blank(m):
        s = m.group(0)
        return re.sub(r"[^\n]", " ", s) if s.startswith("/") else '""' + re.sub(r"[^\n]", "", s)
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', blank, source, flags=re.S)
