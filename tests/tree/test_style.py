"""Style that a machine can judge: format, sizes, functions that nobody should call."""
import re
import shutil
import subprocess

import pytest

from tree import ROOT, code_only, files, text

FILE_LINES = 800
FUNCTION_LINES = 75

BANNED = {
    "strcpy": "snprintf or memcpy", "strcat": "buf_put_text", "sprintf": "snprintf", "vsprintf": "vsnprintf",
    "gets": "fgets", "strtok": "strchr", "strncpy": "snprintf or memcpy", "strncat": "buf_put",
    "alloca": "mem_new", "atoi": "strtol with its checks", "atol": "strtol", "asctime": "strftime",
    "ctime": "strftime", "tmpnam": "mkstemp", "mktemp": "mkstemp", "system": "posix_spawn",
}


def test_clang_format():
    if not shutil.which("clang-format"):
        pytest.skip("clang-format is not installed")
    out = subprocess.run(["clang-format", "--dry-run", "-Werror", *files("*.c", "*.h")], cwd=ROOT,
                         capture_output=True, text=True).stderr
    bad = sorted({line.split(":")[0] for line in out.splitlines() if ": error:" in line})
    assert bad == [], "run make format"


def test_files_are_short():
    long = {p: n for p in files("src/*.c", "src/*.h", "tests/*.c", "tests/*.py", "tools/*.c", "fuzz/*.c", "bench/*")
            if not p.endswith("_table.h") and (n := text(p).count("\n")) > FILE_LINES}
    assert long == {}


def functions(path):
    """(name, first line, lines) of each function of a formatted C file."""
    name, start = None, 0
    for number, line in enumerate(code_only(text(path)).splitlines(), 1):
        if line.startswith("{") and not line.startswith("{0"):
            start = number
        elif line == "}" and start:
            yield name, start, number - start + 1
            start = 0
        elif not start and (m := re.search(r"(\w+)\(", line)) and not line.startswith((" ", "#")):
            name = m[1]


def test_functions_are_short():
    long = [f"{p}:{at}: {name} has {n} lines" for p in files("src/*.c") for name, at, n in functions(p)
            if n > FUNCTION_LINES]
    assert long == []


def test_banned_functions():
    bad = []
    for path in files("src/*.c", "src/*.h"):
        for number, line in enumerate(code_only(text(path)).splitlines(), 1):
            for m in re.finditer(r"(?<![\w.>])(\w+)\s*\(", line):
                if m[1] in BANNED:
                    bad.append(f"{path}:{number}: {m[1]}; use {BANNED[m[1]]}")
    assert bad == []


def test_no_struct_typedef():
    bad = [p for p in files("src/*.c", "src/*.h")
           if re.search(r"\btypedef\s+(struct|union|enum)\b", code_only(text(p)))]
    assert bad == []


def test_headers_are_guarded_by_their_path():
    bad = []
    for path in files("src/*.h"):
        if path.endswith("_table.h"):  # a generated table, included once
            continue
        guard = "TERN_" + path.removeprefix("src/").replace("/", "_").replace(".", "_").upper()
        if f"#ifndef {guard}\n#define {guard}\n" not in text(path):
            bad.append(f"{path}: {guard}")
    assert bad == []


def test_every_header_begins_with_what_it_is_for():
    bad = [p for p in files("src/*.h") if not text(p).startswith("/* ")]
    assert bad == []


# Files whose code is run by the test of another file, and which one.
TESTED_BY = {
    line.split()[0]: line.split()[1]
    for line in text("tests/tree/tested_by.txt").splitlines() if line and not line.startswith("#")
}


def test_every_source_file_has_a_test():
    bad = []
    for path in files("src/*.c"):
        _, folder, name = path.split("/")
        test = TESTED_BY.get(f"{folder}/{name}", f"tests/unit/{folder}/test_{name}")
        if not (ROOT / test).exists():
            bad.append(f"{path}: no {test}")
    assert bad == []
    assert [p for p in TESTED_BY if not (ROOT / "src" / p).exists()] == []
