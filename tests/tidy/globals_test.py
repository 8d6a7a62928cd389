#!/usr/bin/env python3
"""Globals are const: what the layers' objects hold in .data or .bss is listed in
tests/tidy/mutable-globals ("file symbol", with the reason behind a #), and that list
may only shrink."""
import glob
import os
import re
import sys

import source

build = os.environ.get("TAPIR_BUILD")
archives = sorted(glob.glob(f"{build}/**/libtapir_*.a", recursive=True)) if build else []
archives = [a for a in archives if not a.startswith(f"{build}/tests/")]
if not archives:
    print("no build to look at: skipped")
    sys.exit(77)
allowed = {tuple(line.split()) for line in source.exceptions("mutable-globals")}
found = set()
for archive in archives:
    layer = os.path.relpath(os.path.dirname(archive), build)
    member = ""
    for line in source.run(["objdump", "-t", archive]).stdout.split("\n"):
        m = re.match(r"(\S+)\.o:\s+file format", line)
        if m:
            member = m.group(1)
            continue
        m = re.match(r"\S+ (.......) (\.data|\.bss|\.data\.(?!rel\.ro)\S+|\.bss\.\S+|COM|\*COM\*)\t"
                     r"([0-9a-f]+) +(?:\.hidden )?(\S+)$", line)
        if not m or "O" not in m.group(1) or int(m.group(3), 16) == 0:
            continue
        symbol = re.sub(r"\.\d+$", "", m.group(4))
        # The sanitizers' own, and what only sanitizer builds have.
        if member == "guard.c" or re.match(r"(__|\.L|\*\.L|_Lubsan|.*_gcov|sancov)", symbol):
            continue
        found.add((member, symbol, layer))
listed = {(os.path.basename(f), s): (f, s) for f, s in allowed}
problems = []
seen = set()
for member, symbol, layer in sorted(found):
    if (member, symbol) in listed:
        seen.add(listed[member, symbol])
    else:
        problems.append(f"{layer}/.../{member}: {symbol} is a global that isn't const")
for path, symbol in sorted(allowed - seen):
    problems.append(f"tests/tidy/mutable-globals: {path} {symbol} has gone: take the line out")
source.finish(problems)
