#!/usr/bin/env python3
"""Each header compiles alone, and twice."""
import os
from concurrent.futures import ThreadPoolExecutor

import source

FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wno-unused-function", "-I.",
         "-Iinclude", "-fsyntax-only", "-x", "c", "-"]


def is_list(path):
    """A list of X(...) for its includer to define X: not a header of its own."""
    return source.code(source.read(path)).lstrip().startswith("X(")


def check(path):
    text = f'#include "{path}"\n#include "{path}"\n'
    done = source.run([os.environ.get("CC", "cc")] + FLAGS, input=text)
    if done.returncode == 0:
        return []
    return [f"{path}: doesn't compile alone:\n{done.stdout}"]


# What only the BPF compiler reads is compiled by the build.
headers = [h for h in source.files(".h") if not source.is_test_header(h) and not h.endswith(".bpf.h")
           and not is_list(h)]
problems = []
with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
    for found in pool.map(check, headers):
        problems += found
source.finish(problems)
