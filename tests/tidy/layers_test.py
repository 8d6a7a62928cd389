#!/usr/bin/env python3
"""A folder includes only from itself and from the layers below it; a protocol's
folder can be deleted, so nothing above it in analyzers/ knows it."""
import os

import source

problems = []
order = {layer: i for i, layer in enumerate(source.LAYERS)}
for path in source.files(".c", ".h"):
    layer = source.layer_of(path)
    for line, name, system in source.includes(source.read(path)):
        if system or name.endswith(".bpf.h"):
            continue
        if not os.path.exists(os.path.join(source.ROOT, name)) and \
           not os.path.exists(os.path.join(source.ROOT, "include", name)):
            problems.append(f'{path}:{line}: "{name}" is not a path from the root of the tree')
            continue
        target = source.layer_of(name)
        if path.startswith("include/"):
            if target is not None:
                problems.append(f"{path}:{line}: a public header includes {name}")
        elif layer is None or target is None:
            if layer is not None and name.startswith(("tests/", "bench/")) and \
               not path.endswith("_test.c"):
                problems.append(f"{path}:{line}: {layer}/ includes {name}")
        elif order[target] > order[layer]:
            problems.append(f"{path}:{line}: {layer}/ is below {target}/ and may not include {name}")
        parts = name.split("/")
        if path.count("/") == 1 and path.startswith("analyzers/") and target == "analyzers" and \
           len(parts) > 2 and parts[1] != "script":
            problems.append(f"{path}:{line}: knows the protocol {parts[1]}, which must stay deletable")
source.finish(problems)
