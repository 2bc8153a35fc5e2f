# The front door; meson and ninja do the work.  make run, make check: see README.md.
PREFIX ?= /usr/local
DESTDIR ?=
FUZZ_SECONDS ?= 60
PYTHON := $(firstword $(wildcard /usr/bin/python3) python3)
QUICK := -Dtests=false -Dfuzz=false

.PHONY: all run check soak asan fuzz bench format lint install deps deps-build clean

all: build/build.ninja
	@ninja -C build

build/build.ninja:
	@meson setup build $(QUICK) >/dev/null || { meson setup build $(QUICK); exit 1; }

# A session on this machine: server process, encrypted datagrams and all, without ssh.
run:
	@[ -t 0 ] && [ -t 1 ] || { echo "make run: needs a terminal on stdin and stdout" >&2; exit 1; }
	@tools/deps/install build
	@$(MAKE) --no-print-directory all
	@build/tern --local

check: deps
	@$(PYTHON) tests/run.py check

# The long forms of all tests, hours: sim, sessions, judges, ten minutes of each fuzzer (tests/run.py).
soak: deps
	@$(PYTHON) tests/run.py soak

asan: build-asan/build.ninja
	@ninja -C build-asan

build-asan/build.ninja:
	@meson setup build-asan -Dbuildtype=debug -Doptimization=1 -Db_sanitize=address,undefined

fuzz: deps
	@$(PYTHON) tests/run.py fuzz --seconds $(FUZZ_SECONDS)

# Everything takes hours; CASES=quick under 30 minutes; CASES=loss,ctrlc only these, printed, or with UPDATE=1 put into
# docs/BENCHMARKS.md and README.md.
bench: deps
	@$(PYTHON) bench/run.py --cases "$(CASES)" $(if $(UPDATE),--update)

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

# Only the commands of a build by clang are needed, nothing of it is built.
lint: build-lint/build.ninja
	@git ls-files 'src/*.c' | xargs -P 2 -n 1 clang-tidy -quiet -p build-lint

build-lint/build.ninja:
	@CC=clang meson setup build-lint -Dbuildtype=debug $(QUICK) >/dev/null

install: all
	@meson configure build -Dprefix=$(PREFIX)
	@DESTDIR=$(DESTDIR) meson install -C build

deps:
	@tools/deps/install check

deps-build:
	@tools/deps/install build

clean:
	rm -rf build build-asan build-check build-clang build-lint
