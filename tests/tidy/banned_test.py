#!/usr/bin/env python3
"""Calls that don't know how long their target is, and what else doesn't belong."""
import re

import source

CALLS = {
    "strcpy": "snprintf or memcpy", "strcat": "snprintf", "sprintf": "snprintf",
    "vsprintf": "vsnprintf", "gets": "fgets", "alloca": "a bounded array or a budget",
    "strdupa": "a bounded array", "stpcpy": "snprintf", "wcscpy": "nothing", "tmpnam": "mkstemp",
    "mktemp": "mkstemp", "atoi": "strtol, which tells about errors", "atol": "strtol",
    "strtok": "strtok_r or strcspn", "gmtime": "gmtime_r", "localtime": "localtime_r",
    "inet_ntoa": "inet_ntop",
}
CALL = re.compile(r"(?<![\w>.])(" + "|".join(CALLS) + r")\s*\(")
LEFT_OVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

problems = []
for path in source.files(".c", ".h"):
    text = source.read(path)
    for number, line in enumerate(source.code(text).split("\n"), 1):
        for m in CALL.finditer(line):
            problems.append(f"{path}:{number}: {m.group(1)}: use {CALLS[m.group(1)]}")
    for number, line in enumerate(text.split("\n"), 1):
        if LEFT_OVER.search(line):
            problems.append(f"{path}:{number}: unfinished: {line.strip()}")
        if line.rstrip() != line:
            problems.append(f"{path}:{number}: blank at the end of the line")
    if not text.endswith("\n"):
        problems.append(f"{path}: no newline at the end")
source.finish(problems)
