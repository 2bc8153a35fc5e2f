"""Pure folders: no I/O, clock, locale, environment or randomness call, and no mutable global."""
import fnmatch
import re
import subprocess

from tree import folder_rule, pure_archives, text


def denylist():
    """(patterns, {(folder, name): why})"""
    patterns, allowed = [], {}
    for line in text("tests/tree/impure.txt").splitlines():
        exception = re.match(r"allow (\w+) (\S+): (.+)", line)
        if exception:
            allowed[exception[1], exception[2]] = exception[3]
        elif not line.startswith("#"):
            patterns += line.split()
    return patterns, allowed


def plain(symbol):
    symbol = symbol.split("@")[0]
    symbol = re.sub(r"^__isoc\d\d_", "", symbol)
    symbol = re.sub(r"^__(\w+)_chk$", r"\1", symbol)
    symbol = {"__errno_location": "errno"}.get(symbol, symbol)
    return re.sub(r"64$", "", symbol) if symbol.endswith("64") and len(symbol) > 4 else symbol


def undefined(archive):
    """[(object, symbol)] that an archive takes from elsewhere."""
    out = subprocess.run(["nm", "-A", "-u", str(archive)], capture_output=True, text=True, check=True).stdout
    for line in out.splitlines():
        where, symbol = line.rsplit(None, 1)
        yield where.rsplit(":", 2)[-2] if where.count(":") > 1 else where, symbol


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, p) for p in patterns)


def test_the_list_sees_what_it_should():
    patterns, _ = denylist()
    for name in ("open", "openat", "__read_chk", "clock_gettime", "__isoc99_fscanf", "pthread_create",
                 "RAND_bytes", "getenv", "lseek64", "__errno_location", "wcwidth", "__printf_chk"):
        assert matches(plain(name), patterns), name
    for name in ("memcpy", "__memcpy_chk", "calloc", "abort", "__stack_chk_fail", "snprintf", "__vsnprintf_chk",
                 "EVP_EncryptUpdate", "deflate", "strlen", "row_ref", "bug_at"):
        assert not matches(plain(name), patterns), name


def test_no_impure_call():
    patterns, allowed = denylist()
    bad, used = [], set()
    for folder, archive in pure_archives():
        for where, symbol in undefined(archive):
            name = plain(symbol)
            if (folder, name) in allowed:
                used.add((folder, name))
            elif matches(name, patterns):
                bad.append(f"{folder}: {where}: {name}")
    assert bad == []
    assert set(allowed) - used == set(), "exceptions that nothing needs any more"


def test_pure_folders_were_built():
    built = {folder for folder, _ in pure_archives()}
    pure = {folder for folder, (_, p) in folder_rule().items() if p}
    assert pure - built == set()


def test_no_mutable_global():
    bad = []
    for folder, archive in pure_archives():
        out = subprocess.run(["objdump", "-t", str(archive)], capture_output=True, text=True, check=True).stdout
        for line in out.splitlines():
            m = re.match(r"[0-9a-f]+ (.{7}) (\S+)\s+([0-9a-f]+) (?:\.hidden )?(\S+)$", line)
            if not m or "d" in m[1] or int(m[3], 16) == 0:
                continue
            section = m[2]
            if re.match(r"\.(data|bss|tdata|tbss)\b|\*COM\*", section) and not section.startswith(".data.rel.ro"):
                bad.append(f"{folder}: {m[4]} in {section}")
    assert bad == []
