#!/usr/bin/env python3
"""Headers that nobody includes, and scripts that nobody can run."""
import os
import sys

import source

if not os.path.exists(os.path.join(source.ROOT, "cli/main.c")):
    print("there is no program yet: skipped")
    sys.exit(77)

problems = []
included = set()
for path in source.files(".c", ".h"):
    for _, name, system in source.includes(source.read(path)):
        own = path[:-2] if path.endswith(".c") else None
        # A header that only its own .c file and its test include serves nobody.
        if own and own.removesuffix("_test") + ".h" == name:
            continue
        included.add(name)
for path in source.files(".h"):
    if not path.startswith("include/") and path not in included:
        problems.append(f"{path}: nobody includes it")
for path in source.files("_test.py", "_test.sh"):
    if not os.access(os.path.join(source.ROOT, path), os.X_OK):
        problems.append(f"{path}: not executable")
source.finish(problems)
