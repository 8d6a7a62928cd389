#!/usr/bin/env python3
"""Two readings of a stream: early segments overlap with different bytes, and nobody has said what the receiver runs. Rules
see both readings, alerts say in which they were found, and an anomaly has a digest of each. Where host-os-policy names
the receiver there is only its own reading."""
import hashlib
import json
import os
import subprocess
import sys
import tempfile

from frames import Capture, checksum, ethernet, ipv4, tcp

TAPIR = os.environ["TAPIR"]
CLIENT, SERVER = b"\x0a\0\0\x01", b"\x0a\0\0\x02"
RULES = """alert tcp any any -> any any (msg:"assumed"; flow:to_server; content:"GET /innocent"; sid:1;)
alert tcp any any -> any any (msg:"other"; flow:to_server; content:"GET /attacker"; sid:2;)
alert tcp any any -> any any (msg:"both"; flow:to_server; content:"Host: "; sid:3;)
alert tcp any any -> any any (msg:"mixed"; flow:to_server; content:"attacker HTTP"; sid:4;)
alert tcp any any -> any any (msg:"never"; flow:to_server; content:"atnocent"; sid:5;)
alert tcp any any -> any any (msg:"event"; stream-event:reassembly_ambiguous; sid:6;)
"""
CONFIG = """%%YAML 1.1
---
outputs:
  - eve-log:
      enabled: yes
      filename: eve.json
      types:
        - alert:
            payload-printable: yes
        - anomaly:
            enabled: yes
            types: {decode: yes, stream: yes, applayer: yes}
        - flow
%s"""


def conversation(first, second):
    """A handshake, two early pieces, then the start of the request and the ACK of it all."""
    packets = [(True, 1000, 0, 2, b""), (False, 5000, 1001, 18, b""), (True, 1001, 5001, 16, b"")]
    packets += [(True, 1006, 5001, 24, first), (True, 1006, 5001, 24, second)]
    rest = b" HTTP/1.1\r\nHost: a.example\r\n\r\n"
    packets += [(True, 1006 + len(first), 5001, 24, rest), (True, 1001, 5001, 24, b"GET /")]
    end = 1006 + len(first) + len(rest)
    return packets + [(False, 5001, end, 16, b""), (True, end, 5001, 17, b""), (False, 5001, end + 1, 17, b""),
                      (True, end + 1, 5002, 16, b"")]


def openbsd_syn():
    """The server's own SYN, to somebody else: options in OpenBSD's order."""
    options = bytes.fromhex("020405b401010402010303060101080a0000000100000000")
    packet = tcp(SERVER, b"\x0a\0\0\x63", 5000, 80, 1, 0, 2, options)
    packet = packet[:12] + bytes([(20 + len(options)) // 4 << 4]) + packet[13:16] + b"\0\0" + packet[18:]
    pseudo = SERVER + b"\x0a\0\0\x63" + bytes([0, 6]) + len(packet).to_bytes(2, "big")
    packet = packet[:16] + checksum(pseudo + packet).to_bytes(2, "big") + packet[18:]
    return ethernet(ipv4(SERVER, b"\x0a\0\0\x63", 6, packet))


def write(path, packets, first=None):
    with Capture(path) as out:
        if first:
            out.add(first)
        for ours, seq, ack, flags, data in packets:
            a, b, sport, dport = (CLIENT, SERVER, 4000, 9999) if ours else (SERVER, CLIENT, 9999, 4000)
            out.add(ethernet(ipv4(a, b, 6, tcp(a, b, sport, dport, seq, ack, flags, data))), 1000)


def run(d, packets, policy="", first=None):
    capture, rules, config = (os.path.join(d, name) for name in ("c.pcap", "c.rules", "c.yaml"))
    write(capture, packets, first)
    with open(rules, "w") as f:
        f.write(RULES)
    with open(config, "w") as f:
        f.write(CONFIG % policy)
    if os.path.exists(os.path.join(d, "eve.json")):
        os.unlink(os.path.join(d, "eve.json"))
    subprocess.run([TAPIR, "run", "-c", config, "-r", capture, "-S", rules, "-l", d, "--summary", "no"], check=True)
    with open(os.path.join(d, "eve.json")) as f:
        records = [json.loads(line) for line in f]
    alerts = {(r["alert"]["signature"], r["alert"].get("reading")) for r in records if r["event_type"] == "alert"}
    readings = [r["anomaly"]["readings"] for r in records if r["event_type"] == "anomaly" and "readings" in r["anomaly"]]
    payloads = {r["alert"]["signature"]: r["payload_printable"] for r in records if r["event_type"] == "alert"}
    return alerts, readings, payloads


def same(what, want, got):
    if want != got:
        sys.exit("%s: expected %s, got %s" % (what, want, got))


def main():
    good, bad = b"innocent", b"attacker"
    with tempfile.TemporaryDirectory() as d:
        alerts, readings, payloads = run(d, conversation(good, bad))
        same("alerts", {("assumed", "assumed"), ("other", "other"), ("both", "assumed"), ("mixed", "other"), ("event", None)},
             alerts)
        same("readings", [{"direction": "to_server", "offset": 5, "length": 8, "assumed_policy": "linux",
                           "assumed": {"sha1": hashlib.sha1(good).hexdigest(), "printable": "innocent"},
                           "other": {"sha1": hashlib.sha1(bad).hexdigest(), "printable": "attacker"}}], readings)
        assert "attacker" in payloads["other"] and "innocent" in payloads["assumed"], payloads
        alerts, readings, _ = run(d, conversation(good, bad), "host-os-policy:\n  linux: [10.0.0.2]\n")
        same("known receiver", ({("assumed", None), ("both", None)}, []), (alerts, readings))
        alerts, readings, _ = run(d, conversation(good, bad), "host-os-policy:\n  last: [10.0.0.0/24]\n")
        same("known other receiver", ({("other", None), ("both", None), ("mixed", None)}, []), (alerts, readings))
        _, readings, _ = run(d, conversation(good, bad), "stream:\n  passive-os-policy: yes\n", openbsd_syn())
        same("the receiver's own SYN", ["bsd"], [r["assumed_policy"] for r in readings])
        _, readings, _ = run(d, conversation(good, bad), "", openbsd_syn())
        same("the option is off", ["linux"], [r["assumed_policy"] for r in readings])
        alerts, readings, _ = run(d, conversation(good, good))
        same("no difference", ({("assumed", None), ("both", None)}, []), (alerts, readings))


if __name__ == "__main__":
    main()
