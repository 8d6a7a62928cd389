#!/usr/bin/env python3
"""What analyzers and rules find doesn't depend on how a stream was cut: captures are taken apart and every TCP
segment goes out again in other pieces (byte by byte, at random, reordered, twice, in IP fragments). Records and
alerts stay the same, but for times, counts of packets, and what tells about packets rather than streams.

With no arguments: the example capture. RECUT=FILE[,RULES]... or a folder: those captures instead; differences are
then listed, all of them."""
import collections
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

from frames import Capture, checksum

TAPIR = os.environ.get("TAPIR", "build/tapir")
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BYTEWISE = 3000                 # bytes of a direction that go out one by one; what follows is cut at random
FOLDER_SIZE_MAX = 200000        # of a folder's captures
PACKETS = ("flow", "netflow", "stats", "drop", "frame", "arp")
UNEQUAL = ("timestamp", "flow_id", "pcap_cnt", "flow", "packet", "packet_info", "payload", "payload_printable", "stream",
           "pkt_src", "tx_guessed", "payload_length", "pcap_filename", "engine", "tcp", "capture_file")


def read(path):
    """(seconds, microseconds, frame) of each packet; None where it isn't Ethernet in a classic file."""
    with open(path, "rb") as f:
        data = f.read()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}.get(data[:4])
    if order is None or struct.unpack(order + "I", data[20:24])[0] != 1:
        return None
    out, at = [], 24
    while at + 16 <= len(data):
        s, us, n, whole = struct.unpack(order + "IIII", data[at:at + 16])
        if n != whole:
            return None         # cut by the snap length: what is missing can't go out again
        out.append((s, us, data[at + 16:at + 16 + n]))
        at += 16 + n
    return out


class Segment:
    """A TCP segment with data, over IPv4 without options or IPv6 without extension headers."""

    def __init__(self, frame):
        kind = frame[12:14]
        self.v6 = kind == b"\x86\xdd"
        self.ok = False
        if kind not in (b"\x08\0", b"\x86\xdd"):
            return
        ip = frame[14:]
        if self.v6:
            if len(ip) < 60 or ip[6] != 6:
                return
            at, end = 40, 40 + struct.unpack("!H", ip[4:6])[0]
        else:
            if len(ip) < 40 or ip[0] != 0x45 or ip[9] != 6 or struct.unpack("!H", ip[6:8])[0] & 0x3fff:
                return
            at, end = 20, struct.unpack("!H", ip[2:4])[0]
        if end > len(ip):
            return
        self.eth, self.ip, tcp = frame[:14], ip[:at], ip[at:end]
        header = (tcp[12] >> 4) * 4
        if header < 20 or header > len(tcp):
            return
        self.tcp, self.data = tcp[:header], tcp[header:]
        self.seq, self.flags = struct.unpack("!I", tcp[4:8])[0], tcp[13]
        self.key = self.addresses() + tcp[:4]
        pseudo = self.addresses() + struct.pack("!BBH", 0, 6, len(tcp))
        self.ok = len(self.data) > 0 and not self.flags & 0x26 and checksum(pseudo + tcp) == 0

    def addresses(self):
        return self.ip[8:40] if self.v6 else self.ip[12:20]

    def part(self, at, end):
        """The frame's L4 bytes for data[at:end]; only the last has the FIN."""
        flags = self.flags if end == len(self.data) else self.flags & ~1
        head = self.tcp[:4] + struct.pack("!I", (self.seq + at) & 0xffffffff) + self.tcp[8:13] + bytes([flags]) + \
            self.tcp[14:16] + b"\0\0" + self.tcp[18:]
        whole = head + self.data[at:end]
        total = checksum(self.addresses() + struct.pack("!BBH", 0, 6, len(whole)) + whole)
        return whole[:16] + struct.pack("!H", total) + whole[18:]

    def frame(self, l4, ident, frag=0):
        if self.v6:
            return self.eth + self.ip[:4] + struct.pack("!H", len(l4)) + self.ip[6:] + l4
        head = self.ip[:2] + struct.pack("!HHH", 20 + len(l4), ident & 0xffff, frag) + self.ip[8:10] + b"\0\0" + self.ip[12:]
        return self.eth + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + l4

    def fragments(self, l4, ident, size):
        if not self.v6:
            return [self.frame(l4[at:at + size], ident, at // 8 | (0x2000 if at + size < len(l4) else 0))
                    for at in range(0, len(l4), size)]
        size = max(size, 40)    # the first holds all headers
        return [self.eth + self.ip[:4] + struct.pack("!HB", 8 + len(l4[at:at + size]), 44) + self.ip[7:] +
                struct.pack("!BBHI", 6, 0, at | (at + size < len(l4)), ident) + l4[at:at + size]
                for at in range(0, len(l4), size)]


def cuts(rng, size, most):
    out, at = [], 0
    while at < size:
        end = min(size, at + rng.randint(1, most))
        out.append((at, end))
        at = end
    return out


class Cutter:
    def __init__(self, how, seed):
        self.how, self.rng, self.ident, self.sent = how, random.Random(seed), 1, collections.Counter()

    def frames(self, segment):
        n, how = len(segment.data), self.how
        if how == "bytes":
            one = max(0, min(n, BYTEWISE - self.sent[segment.key]))
            parts = [(i, i + 1) for i in range(one)] + [(one + a, one + b) for a, b in cuts(self.rng, n - one, 900)]
        elif how == "fragments":
            parts = [(0, n)]
        else:
            parts = cuts(self.rng, n, self.rng.choice((3, 40, 400)))
        self.sent[segment.key] += n
        if how == "reordered":
            self.rng.shuffle(parts)
        if how == "duplicated":
            parts = [p for p in parts for _ in range(self.rng.randint(1, 3))]
        for at, end in parts:
            self.ident += 1
            l4 = segment.part(at, end)
            if how == "fragments":
                pieces = segment.fragments(l4, self.ident, 8 * self.rng.randint(1, 30))
                self.rng.shuffle(pieces)
                yield from pieces
            else:
                yield segment.frame(l4, self.ident)


def recut(packets, path, how, seed=1):
    cutter = Cutter(how, seed)
    with Capture(path) as out:
        for i, (s, us, frame) in enumerate(packets):
            out.now = s * 10**6 + us
            segment = Segment(frame)
            for piece in (cutter.frames(segment) if segment.ok else [frame]):
                out.add(piece)


def plain(record):
    """What must be the same. How far a transaction has come when an alert or a file's record is written depends on what the
    last packet brought; its own record comes at its end."""
    out = {k: v for k, v in record.items() if k not in UNEQUAL}
    if out["event_type"] in ("alert", "fileinfo"):
        out.get("http", {}).pop("length", None)
        for one in out.get("files", []):
            one.pop("state", None)
            one.pop("size", None)
        out.get("email", {}).pop("status", None)
    if out["event_type"] == "anomaly":          # stands with the packet that showed it, whichever way that went
        for a, b in (("src_ip", "dest_ip"), ("src_port", "dest_port")):
            out[a], out[b] = sorted((out.get(a, 0), out.get(b, 0)), key=str)
    return out


def records(capture, out, rules, config):
    command = [TAPIR, "run", "-r", capture, "-l", out, "-k", "none", "--workers", "1", "--summary", "no"]
    command += ["-S", rules] if rules else ["--disable-detection"]
    done = subprocess.run(command + (["-c", config] if config else []), capture_output=True, text=True, check=False)
    if done.returncode < 0 or (done.returncode != 0 and not config):
        sys.exit("%s: %s" % (" ".join(command), done.stderr))
    found = collections.Counter()
    eve = os.path.join(out, "eve.json")
    if not os.path.exists(eve):
        return found            # a configuration that writes none
    with open(eve) as f:
        for line in f:
            r = json.loads(line)
            # What is said of packets, and of gaps between them, isn't of the stream.
            if r["event_type"] in PACKETS or (r["event_type"] == "anomaly" and r["anomaly"]["type"] != "applayer"):
                continue
            found[json.dumps(plain(r), sort_keys=True)] += 1
    return found


WAYS = ("bytes", "random", "reordered", "duplicated", "fragments")


def compare(capture, rules, config, d):
    packets = read(capture)
    if packets is None:
        return None
    first = os.path.join(d, "plain.pcap")
    with Capture(first) as out:
        for s, us, frame in packets:
            out.now = s * 10**6 + us
            out.add(frame)
    os.makedirs(os.path.join(d, "plain"), exist_ok=True)
    want = records(first, os.path.join(d, "plain"), rules, config)
    different = []
    for how in WAYS:
        path = os.path.join(d, how + ".pcap")
        recut(packets, path, how)
        os.makedirs(os.path.join(d, how), exist_ok=True)
        got = records(path, os.path.join(d, how), rules, config)
        if got != want:
            different.append((how, sorted((want - got).elements()), sorted((got - want).elements())))
    return different, sum(want.values())


def show(capture, different, limit):
    for how, missing, extra in different:
        print("%s, %s: %d records missing, %d more" % (capture, how, len(missing), len(extra)))
        for mark, lines in (("-", missing[:limit]), ("+", extra[:limit])):
            for line in lines:
                print("  %s %s" % (mark, line[:700]))


def folder_cases(top):
    for where, _, files in sorted(os.walk(top)):
        for name in sorted(files):
            if name.endswith(".pcap") and os.path.getsize(os.path.join(where, name)) < FOLDER_SIZE_MAX:
                rules = os.path.join(where, "test.rules")
                config = os.path.join(where, "suricata.yaml")
                yield (os.path.join(where, name), rules if os.path.exists(rules) else None,
                       config if os.path.exists(config) else None)


def main():
    cases = [(os.path.join(ROOT, "examples/captures/office.pcap"), os.path.join(ROOT, "examples/rules/office.rules"), None)]
    chosen = os.environ.get("RECUT")
    if chosen and os.path.isdir(chosen):
        cases = list(folder_cases(chosen))
    elif chosen:
        cases = [(chosen.split(",") + [None, None])[:2] + [None]]
    bad = 0
    for capture, rules, config in cases:
        with tempfile.TemporaryDirectory() as d:
            result = compare(capture, rules, config, d)
        if result is None:
            continue
        different, count = result
        bad += bool(different)
        show(capture, different, 3)
        if not chosen:
            assert count > 50, "too few records: %d" % count
    if chosen:
        print("%d captures, %d differ" % (len(cases), bad))
    sys.exit(bad != 0)


if __name__ == "__main__":
    main()
