#!/usr/bin/env python3
"""What span ports do to traffic: each fault is counted in stats, hinted at in the summary, and the sessions are
analysed all the same as far as there is something left of them."""
import json
import os
import random
import subprocess
import sys
import tempfile

from frames import Capture, ethernet, ipv4, tcp, udp

TAPIR = os.environ["TAPIR"]
SESSIONS = 150
CLIENT, SERVER = 0, 1


def vlan(frame, tag):
    return frame[:12] + b"\x81\0" + tag.to_bytes(2, "big") + frame[12:]


def session(n, rng, payload=600):
    """[(side, frame)] of an HTTP session; identifications rise as a host's do."""
    a, b, sport = bytes([10, 0, n >> 8, n & 255]), b"\xc0\x00\x02\x50", 1024 + n
    seq, ack = rng.randrange(2**31), rng.randrange(2**31)
    request = b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % n
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * payload) + b"y" * (2 * payload)
    cut = len(answer) - payload
    end, back = seq + 1 + len(request), ack + 1 + len(answer)
    rows = [(CLIENT, seq, 0, 2, b""), (SERVER, ack, seq + 1, 18, b""), (CLIENT, seq + 1, ack + 1, 16, b""),
            (CLIENT, seq + 1, ack + 1, 24, request), (SERVER, ack + 1, end, 24, answer[:cut]),
            (SERVER, ack + 1 + cut, end, 24, answer[cut:]), (CLIENT, end, back, 16, b""),
            (CLIENT, end, back, 17, b""), (SERVER, back, end + 1, 17, b""), (CLIENT, end + 1, back + 1, 16, b"")]
    out = []
    for k, (side, s, k_ack, flags, data) in enumerate(rows):
        x, y, xp, yp = (a, b, sport, 80) if side == CLIENT else (b, a, 80, sport)
        out.append((side, ethernet(ipv4(x, y, 6, tcp(x, y, xp, yp, s, k_ack, flags, data), 1000 + n * 16 + k))))
    return out


def plain(c, rng, edit):
    for n in range(SESSIONS):
        for k, (side, frame) in enumerate(session(n, rng)):
            edit(c, n, k, side, frame)


def good(c, n, k, side, frame):
    c.add(frame, 500)


def twice(c, n, k, side, frame):
    c.add(frame, 500)
    c.add(frame, 3)


def cut(c, n, k, side, frame):
    c.add(frame[:200], 500, len(frame))


def one_way(c, n, k, side, frame):
    if side == SERVER:
        c.add(frame, 500)


def one_tagged(c, n, k, side, frame):
    c.add(vlan(frame, 7) if side == SERVER else frame, 500)


def losing(c, n, k, side, frame):
    if k != 4:
        c.add(frame, 500)


def late_start(c, n, k, side, frame):
    if k > 2:
        c.add(frame, 500)


def backward(c, n, k, side, frame):
    c.add(frame, -300 if k % 2 else 900)


def stepping(c, n, k, side, frame):
    c.add(frame, 7200 * 10**6 if n == 50 and k == 0 else 500)


held = []


def out_of_step(c, n, k, side, frame):
    """The server's data comes after the client's acknowledgement of it."""
    if k in (4, 5):
        held.append(frame)
        return
    c.add(frame, 500)
    while k == 6 and held:
        c.add(held.pop(0), 10)


def giant(c, rng):
    for n in range(SESSIONS):
        for _, frame in session(n, rng, payload=20000):
            c.add(frame, 500)


def flood_of_one(c, rng):
    """The same datagram for ever isn't a mirror that doubles."""
    a, b = b"\x0a\0\0\1", b"\x0a\0\0\2"
    for _ in range(3000):
        c.add(ethernet(ipv4(a, b, 17, udp(a, b, 1000, 2000, b"again"), 1)), 10)


def using(edit):
    return lambda c, rng: plain(c, rng, edit)


# name, capture, options, counters that must have at least so many, what the summary says, http records (None: any)
CASES = [
    ("good", using(good), [], {}, None, SESSIONS),
    ("twice", using(twice), [], {"frames_duplicate": SESSIONS * 9}, "came twice", SESSIONS),
    ("cut", using(cut), [], {"frames_cut": SESSIONS * 2, "gaps": SESSIONS}, "cut short", SESSIONS),
    ("one way", using(one_way), ["--set", "stream.midstream=yes"], {"flows_one_way": SESSIONS}, "one direction only", None),
    ("vlan", using(one_tagged), [], {"flows_vlan_asymmetric": SESSIONS}, "vlan.use-for-tracking", None),
    ("vlan, not tracked", using(one_tagged), ["--set", "vlan.use-for-tracking=no"], {}, None, SESSIONS),
    ("losing", using(losing), [], {"gaps": SESSIONS, "lost_bytes": SESSIONS * 100}, "loses packets", None),
    ("late start", using(late_start), ["--set", "stream.midstream=yes"], {"flows_midstream": SESSIONS}, None, SESSIONS),
    ("backward", using(backward), [], {"time_backward": SESSIONS * 4}, "earlier", SESSIONS),
    ("stepping", using(stepping), [], {"time_steps": 1}, "more than an hour", SESSIONS),
    ("out of step", using(out_of_step), [], {"acks_before_data": SESSIONS, "data_after_ack": SESSIONS}, "out of step",
     SESSIONS),
    ("giant", giant, [], {"frames_giant": SESSIONS}, "GRO", SESSIONS),
    ("one datagram for ever", flood_of_one, [], {}, None, 0),
]


def run(d, name, make, options):
    capture, out = os.path.join(d, name + ".pcap"), os.path.join(d, name)
    with Capture(capture) as c:
        make(c, random.Random(1))
    p = subprocess.run([TAPIR, "run", "-r", capture, "-l", out, "--disable-detection", "--summary", "yes"] + options,
                       check=True, stdout=subprocess.PIPE, text=True)
    with open(os.path.join(out, "eve.json")) as f:
        return p.stdout, [json.loads(line) for line in f]


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as d:
        for name, make, options, least, hint, http in CASES:
            summary, records = run(d, name, make, options)
            own = [r for r in records if r["event_type"] == "stats"][-1]["stats"]["tapir"]
            got = len({r["http"]["url"] for r in records if r["event_type"] == "http" and "url" in r["http"]})
            wrong = ["%s is %d" % (k, own["mirror"][k]) for k, v in least.items() if own["mirror"][k] < v]
            if (hint or "The mirror isn't good") in summary if hint is None else hint not in summary:
                wrong.append("summary: " + summary)
            if http is not None and got != http:
                wrong.append("%d http records" % got)
            if own["received"] != own["followed"] + sum(own["dropped"].values()):
                wrong.append("not every frame is accounted for")
            if name == "twice" and own["dropped"]["duplicate"] < SESSIONS * 7:
                wrong.append("%d duplicates left out" % own["dropped"]["duplicate"])
            if name != "twice" and own["dropped"]["duplicate"]:
                wrong.append("%d left out as duplicates" % own["dropped"]["duplicate"])
            if wrong:
                failed += 1
                print("%s: %s" % (name, "; ".join(wrong)))
    return failed


if __name__ == "__main__":
    sys.exit(main())
