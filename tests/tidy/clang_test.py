#!/usr/bin/env python3
"""What gcc compiled, clang finds clean too: same flags, -fsyntax-only."""
import json
import os
import shlex
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor

import source

commands = os.path.join(os.environ.get("TAPIR_BUILD", ""), "compile_commands.json")
clang = shutil.which("clang")
if clang is None or not os.path.exists(commands):
    print("no clang, or no build to look at: skipped")
    sys.exit(77)


def check(row):
    words = shlex.split(row["command"])
    flags = []
    skip = False
    for i, word in enumerate(words):
        if skip or word in ("-c",) or word == row["file"]:
            skip = False
        elif word in ("-o", "-MT", "-MF"):
            skip = True
        elif word in ("-I", "-isystem", "-D", "-idirafter"):
            flags += [word, words[i + 1]]
            skip = True
        elif word.startswith(("-I", "-D", "-W", "-std", "-f")) and "sanitize" not in word:
            flags.append(word)
    done = source.run([clang, *flags, "-Werror", "-Wno-unknown-warning-option", "-fsyntax-only",
                       row["file"]])
    return done.stdout if done.returncode else ""


with open(commands, encoding="utf-8") as f:
    rows = [r for r in json.load(f) if "/generated/" not in r["file"]]
with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
    source.finish([text for text in pool.map(check, rows) if text])
