#!/usr/bin/env python3
"""One seam per library: each third-party header is included by exactly one .c file.

Tests are free to include what they like. tests/tidy/seams lists the few headers
that have a file more, one "header file" a line."""
import re

import source

# The C library's and the kernel's; anything else in <> is somebody's library.
SYSTEM = re.compile(r"""^((sys|linux|net|netinet|netpacket|arpa|asm|bits|sanitizer)/.*|
    (aio|alloca|arpa|assert|byteswap|complex|cpuid|ctype|dirent|dlfcn|elf|endian|errno|execinfo|
    fcntl|features|fenv|float|fnmatch|ftw|getopt|glob|grp|iconv|ifaddrs|immintrin|inttypes|
    iso646|langinfo|libgen|libintl|limits|link|locale|malloc|math|memory|mntent|mqueue|netdb|
    nl_types|poll|pthread|pwd|regex|resolv|sched|search|semaphore|setjmp|shadow|signal|spawn|
    stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdio_ext|stdlib|stdnoreturn|string|
    strings|syscall|sysexits|syslog|termios|tgmath|threads|time|uchar|ucontext|unistd|utime|
    wchar|wctype|wordexp|x86intrin|emmintrin|tmmintrin|arm_neon)\.h)$""", re.X)

allowed = {tuple(line.split()) for line in source.exceptions("seams")}
used = {}
problems = []
for path in source.files(".c", ".h"):
    if path.endswith((".bpf.c", "_test.c")) or path.startswith(("tests/", "bench/")) or \
       path in ("base/check.h", "base/check_json.h", "analyzers/testing.h"):
        continue
    for line, name, system in source.includes(source.read(path)):
        if not system or SYSTEM.match(name) or name.startswith("tapir/"):
            continue
        if path.endswith(".h"):
            problems.append(f"{path}:{line}: <{name}> belongs into one .c file, not into a header")
        used.setdefault(name, {})[path] = line
seen = set()
for name, places in sorted(used.items()):
    extra = [p for p in places if (name, p) in allowed]
    seen |= {(name, p) for p in extra}
    rest = [p for p in places if p not in extra]
    if len(rest) > 1:
        problems += [f"{p}:{places[p]}: <{name}> is included by {len(rest)} files: "
                     + ", ".join(rest) for p in rest[1:]]
for name, path in sorted(allowed - seen):
    problems.append(f"tests/tidy/seams: {path} no longer includes <{name}>: take the line out")
source.finish(problems)
