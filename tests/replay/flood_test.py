#!/usr/bin/env python3
"""Under a flood, benign sessions go on being inspected: one-packet flows (SYN and UDP), fragments without the rest of
their datagram, and flows that hold a hole which nobody fills, a hundred to one benign HTTP session, in a small
memory budget. Every benign session must raise its alert (the marker is split over segments that come in the wrong
order), memory stays under the budget, and the counters say what was given up. Then a protocol's own memcap.

Usually a small share of it; FLOOD=whole plays two million one-packet flows and 200,000 holes (about 600 MB of
capture in the temporary directory, some minutes)."""
import heapq
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

from frames import Capture, ethernet, ipv4, tcp, udp

TAPIR = os.environ["TAPIR"]
WHOLE = os.environ.get("FLOOD") == "whole"
SINGLES, HOLES = (2_000_000, 200_000) if WHOLE else (60_000, 6_000)
BENIGN = (SINGLES + HOLES) // 100
MEMORY = (64 if WHOLE else 8) << 20
SERVER = bytes([192, 0, 2, 80])


def segment(a, b, sport, dport, seq, ack, flags, payload=b""):
    return ethernet(ipv4(a, b, 6, tcp(a, b, sport, dport, seq % 2**32, ack % 2**32, flags, payload)))


def benign(rng, n):
    """A session whose marker lies in two segments, the second of which comes first in every third."""
    a, sport = bytes([10, n >> 16 & 255, n >> 8 & 255, n & 255]), 20000 + rng.randrange(20000)
    seq, ack = rng.randrange(2**32), rng.randrange(2**32)
    request = b"GET /session-%d-mark" % n + b"er-of-one HTTP/1.1\r\nHost: benign.example\r\n\r\n"
    cut = request.index(b"er-of-one")
    parts = [(seq + 1, request[:cut]), (seq + 1 + cut, request[cut:])]
    if n % 3 == 0:
        parts.reverse()
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    end = seq + 1 + len(request)
    yield segment(a, SERVER, sport, 80, seq, 0, 2)
    yield segment(SERVER, a, 80, sport, ack, seq + 1, 18)
    yield segment(a, SERVER, sport, 80, seq + 1, ack + 1, 16)
    for at, part in parts:
        yield segment(a, SERVER, sport, 80, at, ack + 1, 24, part)
    yield segment(SERVER, a, 80, sport, ack + 1, end, 24, answer)
    yield segment(a, SERVER, sport, 80, end, ack + 1 + len(answer), 17)
    yield segment(SERVER, a, 80, sport, ack + 1 + len(answer), end + 1, 17)
    yield segment(a, SERVER, sport, 80, end + 1, ack + 2 + len(answer), 16)


def hole(rng, n):
    """Established, and then data that leaves a hole before it."""
    a, sport = bytes([172, 16 + (n >> 16 & 15), n >> 8 & 255, n & 255]), 1024 + rng.randrange(60000)
    seq, ack = rng.randrange(2**32), rng.randrange(2**32)
    yield segment(a, SERVER, sport, 80, seq, 0, 2)
    yield segment(SERVER, a, 80, sport, ack, seq + 1, 18)
    yield segment(a, SERVER, sport, 80, seq + 1, ack + 1, 16)
    yield segment(a, SERVER, sport, 80, seq + 101, ack + 1, 24, b"x" * 400)


def single(rng, n):
    """One packet, and nobody answers: a SYN, a datagram, or a part of one."""
    a, sport = struct.pack("!I", rng.getrandbits(32) | 0x20000000), 1024 + rng.randrange(60000)
    if n % 16 == 4:
        return ethernet(ipv4(a, SERVER, 17, b"f" * 400, rng.getrandbits(16), 0x2000))
    if n % 2:
        return segment(a, SERVER, sport, rng.choice((80, 443, 22)), rng.getrandbits(32), 0, 2)
    return ethernet(ipv4(a, SERVER, 17, udp(a, SERVER, sport, rng.randrange(1, 65536), b"flood")))


def make_capture(path):
    """Sessions begin at random among the singles, and their packets are a few dozen frames apart."""
    rng = random.Random(4)
    starts = sorted([(rng.randrange(SINGLES), 0, n) for n in range(HOLES)] +
                    [(rng.randrange(SINGLES), 1, n) for n in range(BENIGN)])
    pending, serial, begun = [], 0, 0
    with Capture(path) as capture:
        for now in range(SINGLES):
            capture.add(single(rng, now), 10)
            while begun < len(starts) and starts[begun][0] <= now:
                _, kind, n = starts[begun]
                heapq.heappush(pending, (now, serial, (benign if kind else hole)(rng, n)))
                serial, begun = serial + 1, begun + 1
            while pending and pending[0][0] <= now:
                _, order, packets = heapq.heappop(pending)
                frame = next(packets, None)
                if frame is not None:
                    capture.add(frame, 1)
                    heapq.heappush(pending, (now + 1 + rng.randrange(60), order, packets))
        for _, _, packets in sorted(pending):
            for frame in packets:
                capture.add(frame, 1)


def check_memcap(capture, out):
    """Twenty kilobytes are too little for the benign sessions' requests: that is counted, and all comes back."""
    subprocess.run([TAPIR, "run", "-r", capture, "--disable-detection", "-l", out, "--summary", "no",
                    "--set", "app-layer.protocols.http.memcap=20kb"], check=True)
    with open(os.path.join(out, "eve.json")) as f:
        http = [json.loads(line)["stats"]["http"] for line in f if '"event_type":"stats"' in line][-1]
    assert http["memcap"] > 0 and http["memuse"] == 0, http


def main():
    with tempfile.TemporaryDirectory() as d:
        capture, rules, out = (os.path.join(d, n) for n in ("flood.pcap", "flood.rules", "out"))
        make_capture(capture)
        check_memcap(capture, os.path.join(d, "memcap"))
        with open(rules, "w") as f:
            f.write('alert http any any -> any any (msg:"benign"; http.uri; content:"marker-of-one"; sid:1;)\n'
                    'alert tcp any any -> any 80 (msg:"stream"; flow:established; content:"marker-of-one"; sid:2;)\n')
        subprocess.run([TAPIR, "run", "-r", capture, "-S", rules, "-l", out, "--summary", "no",
                        "--set", "memory=%d" % MEMORY], check=True)
        alerts, stats = {1: set(), 2: set()}, None
        with open(os.path.join(out, "eve.json")) as f:
            for line in f:
                if '"event_type":"alert"' in line:
                    record = json.loads(line)
                    alerts[record["alert"]["signature_id"]].add(record["src_ip"])
                elif '"event_type":"stats"' in line:
                    stats = json.loads(line)["stats"]
        own = stats["tapir"]
        print("flows %d, alerts %d + %d of %d, held %d of %d, shed %s, budgets %s" % (
            stats["flow"]["total"], len(alerts[1]), len(alerts[2]), BENIGN, own["memory"]["held"], MEMORY, own["shed"],
            {name: (b["high"], b["max"], b["denied"]) for name, b in own["budget"].items()}))
        assert len(alerts[1]) == BENIGN and len(alerts[2]) == BENIGN, "benign sessions without their alert"
        assert own["memory"]["held"] <= MEMORY, "more memory than the budget"
        assert all(b["high"] <= b["max"] for b in own["budget"].values()), "a class has more than its share"
        shed = own["shed"]
        assert shed["datagrams"] > 0, "no datagram was given up"
        gone = shed["flows_closed"] + shed["flows_unanswered"] + shed["flows_quiet"] + shed["flows_talking"]
        assert gone > 0 and gone == stats["flow"]["mgr"]["flows_evicted"], "sheds aren't all counted"
        assert own["received"] == own["followed"] + sum(own["dropped"].values()), "frames aren't all accounted for"


if __name__ == "__main__":
    sys.exit(main())
