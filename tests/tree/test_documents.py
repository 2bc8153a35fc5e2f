"""Documents against the tree: the code map, the manual pages, links, and nothing private."""
import re
import shutil
import subprocess

import pytest

from tree import ROOT, files, text


def map_rows():
    """{folder: set of stems} from the sections "## src/FOLDER" of docs/CODE-MAP.md."""
    rows, folder = {}, None
    for line in text("docs/CODE-MAP.md").splitlines():
        if line.startswith("## "):
            m = re.match(r"## src/(\w+)", line)
            folder = m[1] if m else None
            if folder:
                rows[folder] = set()
        elif folder and (m := re.match(r"\| `([\w-]+)` \|", line)):
            rows[folder].add(m[1])
    return rows


def test_code_map_names_every_file_and_no_other():
    there = {}
    for path in files("src/*.c", "src/*.h"):
        _, folder, name = path.split("/")
        there.setdefault(folder, set()).add(name.rsplit(".", 1)[0])
    mapped = map_rows()
    missing = sorted(f"{f}/{s}" for f in there for s in there[f] - mapped.get(f, set()))
    gone = sorted(f"{f}/{s}" for f in mapped for s in mapped[f] - there.get(f, set()))
    assert (missing, gone) == ([], []), "docs/CODE-MAP.md: (missing, gone)"


def test_links_in_documents_lead_somewhere():
    bad = []
    for path in files("*.md"):
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text(path)):
            if not ((ROOT / path).parent / target).exists():
                bad.append(f"{path}: {target}")
    assert bad == []


def test_adrs_are_numbered_without_gaps():
    numbers = [int(re.match(r"docs/adr/(\d{4})-", p)[1]) for p in files("docs/adr/*.md")]
    assert numbers == list(range(1, len(numbers) + 1)) and numbers


def test_adrs_that_comments_name_exist():
    there = {re.match(r"docs/adr/(\d{4})", p)[1] for p in files("docs/adr/*.md")}
    bad = [f"{p}: {n}" for p in files("*.c", "*.h", "meson.build", "*/meson.build", "*.md")
           for n in re.findall(r"docs/adr/(\d{4})", text(p)) if n not in there]
    assert bad == []


def test_manual_pages_lint():
    if not shutil.which("mandoc"):
        pytest.skip("mandoc is not installed")
    pages = files("man/*.[0-9]")
    assert pages
    out = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages], cwd=ROOT,
                         capture_output=True, text=True).stdout
    # A fresh page names things that mandoc cannot find installed; that is no fault of the page.
    bad = [line for line in out.splitlines() if "outdated mandoc.db" not in line and "referenced manual not found" not in line]
    assert bad == []


def option_rows():
    """(long name, keyword or None, programs) of the option table."""
    table = text("src/cmd/options.c").split("option_table[", 1)[1].split("\n};", 1)[0]
    rows = re.findall(r'\{OPTION_\w+, (?:0|\'.\'), "([\w-]+)", (?:NULL|"[^"]*"), (?:NULL|"(\w+)"),\s*OPTION_\w+,\s*'
                      r'(BOTH|PROGRAM_TERN|PROGRAM_SERVER)', table)
    assert len(rows) == len(re.findall(r"\{OPTION_", table)), "the option table cannot be read"
    return rows


def options_of(page):
    """Long options that have an entry of their own in a manual page."""
    return set(re.findall(r"^\.It (?:Fl \w (?:Ar \w+ )?, )?Fl -([\w-]+)", text(page), re.M))


def test_manual_pages_have_every_option_and_no_other():
    rows = option_rows()
    assert options_of("man/tern.1") == {n for n, _, p in rows if p != "PROGRAM_SERVER"}
    assert options_of("man/tern-server.1") == {n for n, _, p in rows if p != "PROGRAM_TERN"}
    keywords = set(re.findall(r"^\.It Cm ([A-Z]\w+)", text("man/tern_config.5"), re.M)) - {"Host", "Match"}
    assert keywords == {k for _, k, _ in rows if k}


# Assembled here, so that this file does not find itself.
PRIVATE = ["/" + "work/", "/" + "farm/", "/root/" + ".", "deb.deb" + "ian.org", "proxy." + "golang",
           "registry." + "npm", "/tmp/" + "b-"]


def test_no_machine_path_and_no_registry_host():
    bad = []
    for path in files():
        for number, line in enumerate(text(path).splitlines(), 1):
            bad += [f"{path}:{number}: {p}" for p in PRIVATE if p in line]
    assert bad == []


def test_every_cap_of_the_engine_is_documented():
    caps = text("docs/SEQUENCES.md").split("## Caps")[1].split("\n## ")[0]
    kind = re.compile(r"#define (\w+_(?:MAX|CHARS|PARAMS|INTERS|RUNES|BYTES|BLOCK|LINES|SPARES|MOST|COLOURS))\s")
    missing = [name for path in files("src/term/*.h") for name in kind.findall(text(path))
               if f"`{name}`" not in caps and name not in ("CELL_UTF8_MAX", "WIDTH_BLOCK")]
    assert missing == []


def test_every_script_runs_once():
    """Two branches that both add scripts may leave the list there twice."""
    listed = re.findall(r"^  '([^']+)',$", text("tests/vt/meson.build"), re.M)
    assert listed == sorted({path.rsplit("/", 1)[-1].removesuffix(".vt") for path in files("tests/vt/*.vt")})
