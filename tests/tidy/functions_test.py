#!/usr/bin/env python3
"""No function over 100 lines, from its opening to its closing brace.

tests/tidy/long-functions lists the exceptions, one "file function" a line. It may
only shrink: a listed function that has become short, or has gone, is an error too."""
import re

import source

LINES_MAX = 100
allowed = {tuple(line.split()) for line in source.exceptions("long-functions")}
long = {}
for path in source.files(".c", ".h"):
    lines = source.code(source.read(path)).split("\n")
    start = None
    for number, line in enumerate(lines):
        if line.startswith("{"):
            start = number
        elif line.startswith("}") and start is not None:
            length = number - start + 1
            if length > LINES_MAX:
                head = start - 1
                while head > 0 and lines[head].strip() and lines[head][0] in "\t ":
                    head -= 1
                m = re.search(r"(\w+)\s*\(", " ".join(lines[head:start]))
                long[path, m.group(1) if m else f"line-{start}"] = (start, length)
            start = None
problems = [f"{path}:{start}: {name} is {length} lines long ({LINES_MAX} are allowed)"
            for (path, name), (start, length) in sorted(long.items()) if (path, name) not in allowed]
problems += [f"tests/tidy/long-functions: {path} {name} is short now: take the line out"
             for path, name in sorted(allowed - set(long))]
source.finish(problems)
