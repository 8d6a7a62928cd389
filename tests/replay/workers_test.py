#!/usr/bin/env python3
"""One capture, one worker or several: the same bytes on every run with one, the same records with four,
and every frame accounted for. The capture is made here: flows that interleave, both directions, fragments,
tunnels, frames that can't be followed, seeded. Then the examples' captures, and a share of the conformance suite's
where that lies beside the project; WORKERS=whole takes all of those (some minutes)."""
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile

from frames import Capture, ethernet, ipv4, tcp, udp

TAPIR = os.environ["TAPIR"]
ROOT = pathlib.Path(__file__).resolve().parents[2]


def host(rng):
    return bytes([10, rng.randrange(4), rng.randrange(8), rng.randrange(1, 250)])


def tcp_flow(rng):
    a, b, sport = host(rng), bytes([192, 168, 1, rng.randrange(1, 30)]), rng.randrange(1024, 65000)
    seq, ack = rng.randrange(2**32), rng.randrange(2**32)
    request = b"GET /%d HTTP/1.1\r\nHost: h%d.example\r\n\r\n" % (rng.randrange(1000), rng.randrange(20))
    body = rng.randbytes(rng.randrange(3000))
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    out = [(a, b, sport, 80, seq, 0, 2, b""), (b, a, 80, sport, ack, seq + 1, 18, b""),
           (a, b, sport, 80, seq + 1, ack + 1, 16, b""), (a, b, sport, 80, seq + 1, ack + 1, 24, request)]
    seq += 1 + len(request)
    ack += 1
    for at in range(0, len(answer), 1000):
        part = answer[at:at + 1000]
        out += [(b, a, 80, sport, ack, seq, 24, part), (a, b, sport, 80, seq, ack + len(part), 16, b"")]
        ack += len(part)
    out += [(a, b, sport, 80, seq, ack, 17, b""), (b, a, 80, sport, ack, seq + 1, 17, b""),
            (a, b, sport, 80, seq + 1, ack + 1, 16, b"")]
    return [ethernet(ipv4(p[0], p[1], 6, tcp(p[0], p[1], p[2], p[3], p[4] % 2**32, p[5] % 2**32, p[6], p[7]))) for p in out]


def dns_flow(rng):
    a, b, sport, ident = host(rng), b"\x08\x08\x08\x08", rng.randrange(1024, 65000), rng.randrange(65536)
    name = b"\x04h%03d\x07example\0" % rng.randrange(1000)
    query = struct.pack("!HHHHHH", ident, 0x0100, 1, 0, 0, 0) + name + b"\0\1\0\1"
    answer = struct.pack("!HHHHHH", ident, 0x8180, 1, 1, 0, 0) + name + b"\0\1\0\1" + \
        b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + host(rng)
    return [ethernet(ipv4(a, b, 17, udp(a, b, sport, 53, query))), ethernet(ipv4(b, a, 17, udp(b, a, 53, sport, answer)))]


def fragments(rng):
    a, b, ident = host(rng), host(rng), rng.randrange(65536)
    whole = udp(a, b, 5000, 6000, rng.randbytes(2000))
    cuts = [0, 800, 1600, len(whole)]
    parts = [ethernet(ipv4(a, b, 17, whole[x:y], ident, x // 8 | (0x2000 if y < len(whole) else 0)))
             for x, y in zip(cuts, cuts[1:])]
    rng.shuffle(parts)
    return parts


def tunnel(rng):
    a, b, c, d = host(rng), host(rng), host(rng), host(rng)
    out = []
    for _ in range(3):
        out.append(ethernet(ipv4(a, b, 4, ipv4(c, d, 17, udp(c, d, 1000, 2000, b"inside")))))
        out.append(ethernet(ipv4(b, a, 4, ipv4(d, c, 17, udp(d, c, 2000, 1000, b"back")))))
    return out


def odd(rng):
    return [ethernet(rng.randbytes(40), 0x88b5), rng.randbytes(6), ethernet(b"\x45\0\0"), ethernet(rng.randbytes(60))]


def make_capture(path, seed):
    rng = random.Random(seed)
    flows = [rng.choice([tcp_flow, tcp_flow, dns_flow, fragments, tunnel, odd])(rng) for _ in range(400)]
    live = []
    with Capture(path) as capture:
        while flows or live:
            while flows and len(live) < 30:
                live.append(flows.pop())
            one = rng.randrange(len(live))
            frame = live[one].pop(0)
            if not live[one]:
                live.pop(one)
            capture.add(frame, rng.randrange(200000))


def run(capture, out, workers, rules=None):
    """The records, or None where the capture can't be read (to its end)."""
    what = ["-S", rules] if rules else ["--disable-detection"]
    p = subprocess.run([TAPIR, "run", "-r", capture, "-l", out, "--workers", str(workers), "--summary", "no", "-k", "none"] +
                       what, stderr=subprocess.PIPE, text=True)
    assert p.returncode in (0, 1), "%s: exit status %d\n%s" % (capture, p.returncode, p.stderr)
    eve = os.path.join(out, "eve.json")
    if p.returncode != 0 or not os.path.exists(eve):
        return None
    with open(eve) as f:
        return f.read()


def difference(one, many):
    """None, or some records that only one of them has; stats apart, in any order."""
    records = [sorted(l for l in text.splitlines() if '"event_type":"stats"' not in l) for text in (one, many)]
    if records[0] == records[1]:
        return None
    only = [sorted(set(records[i]) - set(records[1 - i]))[:3] for i in (0, 1)]
    return "records differ: with one worker only %s\nwith several only %s" % tuple(only)


def check_account(text):
    own = [json.loads(l)["stats"]["tapir"] for l in text.splitlines() if '"event_type":"stats"' in l][-1]
    assert own["received"] == own["followed"] + sum(own["dropped"].values()), own
    assert own["received"] == own["device"]["frames"], own
    assert own["accounted"] is True


def check_made(d):
    for seed in (1, 2):
        capture = os.path.join(d, "c%d.pcap" % seed)
        make_capture(capture, seed)
        one, again, four = (run(capture, os.path.join(d, "%d-%s" % (seed, name)), n)
                            for name, n in (("a", 1), ("b", 1), ("c", 4)))
        assert one == again, "two runs with one worker differ"
        wrong = difference(one, four)
        assert wrong is None, wrong
        assert one.count("\n") > 200, "too few records: %d" % one.count("\n")
        check_account(one)
        check_account(four)


def captures():
    """The examples', and of the conformance suite beside the project those with tunnels and fragments, or all."""
    own = sorted(ROOT.glob("examples/captures/*.pcap*"))
    suite = sorted(p for p in (ROOT.parent / "shared" / "conformance").rglob("*") if p.suffix in (".pcap", ".pcapng"))
    if os.environ.get("WORKERS") == "whole":
        return own + suite
    words = ("frag", "gre", "vxlan", "erspan", "geneve", "teredo", "mpls", "vlan", "tunnel", "ipv6")
    return own + [p for p in suite if any(w in str(p).lower() for w in words) and p.stat().st_size < 100000][::3]


def check_captures(d):
    rules = os.path.join(d, "all.rules")
    with open(rules, "w") as f:
        f.write('alert ip any any -> any any (msg:"every packet"; sid:1;)\n')
    failed = 0
    for k, capture in enumerate(captures()):
        texts = [run(str(capture), os.path.join(d, "x%d-%d" % (k, n)), n, rules) for n in (1, 3)]
        wrong = difference(*texts) if None not in texts else None if texts == [None, None] else "only one run succeeds"
        for n in (1, 3):
            shutil.rmtree(os.path.join(d, "x%d-%d" % (k, n)), ignore_errors=True)
        if wrong is not None:
            print("%s: %s" % (capture, wrong))
            failed += 1
    return failed


def main():
    with tempfile.TemporaryDirectory() as d:
        check_made(d)
        return check_captures(d)


if __name__ == "__main__":
    sys.exit(main())
