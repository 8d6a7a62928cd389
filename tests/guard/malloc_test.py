#!/usr/bin/env python3
"""The packet path doesn't allocate: the example capture four times over, an hour apart,
through a sanitizer build that aborts on malloc in a burst once the first pass is over
(base/guard.h)."""
import os
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COPIES, BURST = 4, 64


def repeat(source, target):
    """Returns how many packets one copy has."""
    with open(source, "rb") as f:
        data = f.read()
    with open(target, "wb") as out:
        out.write(data[:24])
        for copy in range(COPIES):
            at, count = 24, 0
            while at < len(data):
                seconds, micros, size, wire = struct.unpack("<IIII", data[at:at + 16])
                out.write(struct.pack("<IIII", seconds + 3600 * copy, micros, size, wire))
                out.write(data[at + 16:at + 16 + size])
                at += 16 + size
                count += 1
    return count


def main():
    build, sensor = os.environ.get("TAPIR_BUILD", ""), os.environ.get("TAPIR", "")
    cache = os.path.join(build, "CMakeCache.txt")
    if not os.path.exists(sensor) or not os.path.exists(cache):
        print("no build to test: skipped")
        return 77
    with open(cache, encoding="utf-8") as f:
        if "TAPIR_MALLOC_GUARD:BOOL=ON" not in f.read():
            print("this build has no guard: skipped")
            return 77
    with tempfile.TemporaryDirectory() as folder:
        capture = os.path.join(folder, "long.pcap")
        count = repeat(os.path.join(ROOT, "examples/captures/office.pcap"), capture)
        env = dict(os.environ, TAPIR_MALLOC_GUARD=str((count + BURST - 1) // BURST + 1))
        done = subprocess.run([sensor, "run", "-r", capture, "-l", folder, "-k", "none", "-S",
                               os.path.join(ROOT, "examples/rules/office.rules")],
                              env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        records = os.path.join(folder, "eve.json")
        lines = 0
        if os.path.exists(records):
            with open(records, encoding="utf-8") as f:
                lines = sum(1 for _ in f)
    print(done.stdout[-4000:])
    print(f"exit status {done.returncode}, {lines} records")
    return 0 if done.returncode == 0 and lines > 100 else 1


sys.exit(main())
