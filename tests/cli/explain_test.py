#!/usr/bin/env python3
"""`tapir rules explain` is right about seeded mistakes: each row is a rule that should alert on the example capture but for
one mistake, and what has to be said about it."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TAPIR = os.environ.get("TAPIR", str(ROOT / "build" / "tapir"))
CAPTURE = ROOT / "examples" / "captures" / "office.pcap"
WEB = "alert http $EXTERNAL_NET any -> $HOME_NET any "
OUT = "alert http $HOME_NET any -> $EXTERNAL_NET any "
URI = "flow:established,to_server; http.uri.raw; "

# What is wrong; the rule (its options without sid); the verdict; words of the answer; more: rules before it, settings.
ROWS = [
    ("nothing", WEB, URI + 'content:"/etc/passwd";', "alert", "it alerted 1 time"),
    ("header turned round", OUT, URI + 'content:"/etc/passwd";', "turned", "header and flow contradict"),
    ("flow asks for the answers", "alert tcp any any -> any 80 ", 'flow:to_client; content:"GET /../";', "turned",
     "flow:to_client asks for the others"),
    ("HOME_NET", WEB, URI + 'content:"/etc/passwd";', "address", "destination address 192.168.10.80 isn't in $HOME_NET",
     {"set": "vars.address-groups.HOME_NET=172.16.0.0/12"}),
    ("port", "alert tcp any any -> any 8080 ", 'flow:to_server; content:"GET /../";', "port", "destination port 80 isn't in 8080"),
    ("source port", "alert tcp any 80 -> any 80 ", 'flow:to_server; content:"GET /../";', "port", "isn't in 80; the rule's fast pattern"),
    ("protocol", "alert tls any any -> any any ", 'content:"GET /../";', "protocol", "about tls, the flow is http"),
    ("no such traffic", "alert sctp any any -> any any ", 'content:"x";', "no_traffic", "packets is sctp"),
    ("buffer", WEB, "flow:established,to_server; http.host; content:\"/etc/passwd\";", "fast_pattern", "it is in http.uri"),
    ("pattern", WEB, URI + 'content:"/etc/shadow2";', "fast_pattern", 'the fast pattern "/etc/shadow2" isn\'t in http.uri.raw'),
    ("case", WEB, URI + 'content:"/ETC/passwd";', "fast_pattern", "in other case it is there, at offset 12: nocase?"),
    ("negated content is there", WEB, URI + 'content:"/etc/passwd"; content:!"..";', "match",
     'content:!".." must not be in http.uri.raw "/../../../../etc/passwd" (23 bytes), but is at offset 1'),
    ("distance off by one", WEB, URI + 'content:"/etc"; content:"/passwd"; distance:1;', "match",
     'content:"/passwd"; distance:1 isn\'t found'),
    ("within too small", WEB, URI + 'content:"/etc"; content:"passwd"; distance:0; within:6;', "match", "it is at offset 17"),
    ("depth", WEB, URI + 'content:"/etc/passwd"; depth:11;', "match", "it is at offset 12, which isn't where it has to be"),
    ("startswith", WEB, URI + 'content:"/etc/passwd"; startswith;', "match", "it is at offset 12"),
    ("regex", WEB, URI + 'content:"/etc/passwd"; pcre:"/shadow$/";', "match", 'pcre:"/shadow$/" doesn\'t hold on http.uri.raw'),
    ("byte_test", WEB, URI + 'content:"/etc/passwd"; byte_test:1,=,65,0;', "match", "47 was read at offset 0"),
    ("isdataat", WEB, URI + 'content:"/etc/passwd"; isdataat:1,relative;', "match", "what stands before it matched up to offset 23"),
    ("bsize", WEB, URI + 'content:"/etc/passwd"; bsize:22;', "match", "bsize:22 doesn't hold"),
    ("urilen", WEB, URI + 'content:"/etc/passwd"; urilen:>100;', "match", "urilen:>100 doesn't hold"),
    ("second buffer", WEB, URI + 'content:"/etc/passwd"; http.method; content:"POST";', "match",
     'content:"POST" isn\'t found in http.method "GET"'),
    ("flowbit not set", WEB, URI + 'content:"/etc/passwd"; flowbits:isset,never;', "condition", "flowbits:isset,never doesn't hold"),
    ("flowbit set too late", WEB, URI + 'content:"/etc/passwd"; flowbits:isset,seen;', "condition", "flowbits:isset,seen",
     {"before": 'alert http any any -> any any (http.stat_code; content:"400"; flowbits:set,seen; sid:2;)'}),
    ("threshold", WEB, URI + 'content:"/etc/passwd"; threshold:type both, track by_src, count 5, seconds 60;', "threshold",
     "count 5 in 60 seconds"),
    ("suppressed", WEB, URI + 'content:"/etc/passwd";', "threshold", "a suppress line of threshold.config",
     {"threshold": "suppress gen_id 1, sig_id 1, track by_src, ip 198.51.100.66"}),
    ("noalert", WEB, URI + 'content:"/etc/passwd"; noalert;', "noalert", "no alert is made"),
    ("passed", WEB, URI + 'content:"/etc/passwd";', "passed", "a pass rule matched before it",
     {"before": 'pass http any any -> any any (http.uri.raw; content:"passwd"; sid:2;)'}),
    ("passed before", WEB, URI + 'content:"/etc/passwd";', "ignored", "it was passed, dropped or bypassed",
     {"before": "pass ip 198.51.100.66 any -> any any (sid:2;)"}),
    ("dsize, right length", "alert tcp-pkt any any -> any 80 ", 'flow:to_server; content:"GET /../"; dsize:>1000;', "condition",
     "dsize:>1000 doesn't hold"),
    ("flags", "alert tcp any any -> any 80 ", 'flow:to_server; content:"GET /../"; flags:S;', "condition", "flags:S doesn't hold"),
    ("icmp type", "alert icmp any any -> any any ", "itype:250;", "condition", "itype:250 doesn't hold"),
    ("not established", "alert tcp any any -> any 80 ", 'flow:not_established,to_server; content:"GET /../";', "flow",
     "flow:not_established, but the connection is established"),
    ("dns name", "alert dns any any -> any any ", 'dns.query; content:"c2.example.com";', "fast_pattern", "isn't in dns.query"),
    ("too many alerts", WEB, URI + 'content:"/etc/passwd"; priority:9;', "limit", "packet-alert-max",
     {"before": 'alert http any any -> any any (http.uri.raw; content:"passwd"; priority:1; sid:2;)', "set": "packet-alert-max=1"}),
]


def explain(folder, header, options, more):
    rules = folder + "/my.rules"
    with open(rules, "w") as f:
        f.write("%s\n%s(msg:\"planted\"; %s sid:1; rev:1;)\n" % (more.get("before", ""), header, options))
    with open(folder + "/threshold.config", "w") as f:
        f.write(more.get("threshold", "") + "\n")
    argv = [TAPIR, "rules", "explain", "1", "-S", rules, "-r", str(CAPTURE), "--json", "--set", "threshold-file=" + folder +
            "/threshold.config"]
    if "set" in more:
        argv += ["--set", more["set"]]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    return done


def cut(folder):
    """The capture without what opens connections, and with a hole."""
    data = CAPTURE.read_bytes()
    out, at = bytearray(data[:24]), 24
    while at + 16 <= len(data):
        n = int.from_bytes(data[at + 8:at + 12], "little")
        frame = data[at + 16:at + 16 + n]
        syn = frame[12:14] == b"\x08\x00" and frame[23] == 6 and frame[14 + (frame[14] & 15) * 4 + 13] & 2
        if not syn:
            out += data[at:at + 16 + n]
        at += 16 + n
    path = folder + "/midstream.pcap"
    pathlib.Path(path).write_bytes(out)
    return path


def main():
    bad, tried = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for name, header, options, verdict, words, *more in ROWS:
            more = more[0] if more else {}
            tried += 1
            done = explain(folder, header, options, more)
            if done.returncode != 0:
                bad.append("%s: exit %d: %s" % (name, done.returncode, done.stderr))
                continue
            answer = json.loads(done.stdout)
            if answer["verdict"] != verdict or words not in answer["text"]:
                bad.append("%s: expected %s: …%s…\n    %s: %s" % (name, verdict, words, answer["verdict"], answer["text"]))
        with open(folder + "/m.rules", "w") as f:
            f.write(WEB + "(" + URI + 'content:"/etc/passwd"; sid:1;)\n')
        done = subprocess.run([TAPIR, "rules", "explain", "1", "-S", folder + "/m.rules", "-r", cut(folder)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True)
        if "handshake" not in done.stdout and "beginning isn't in the capture" not in done.stdout:
            bad.append("midstream: " + done.stdout + done.stderr)
        for argv, status in ((["99", "-S", folder + "/m.rules", "-r", str(CAPTURE)], 1), (["1"], 2), (["x", "-r", "y"], 2),
                             (["1", "-S", folder + "/m.rules", "-r", folder + "/none"], 1)):
            got = subprocess.run([TAPIR, "rules", "explain", *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            if got.returncode != status:
                bad.append("%s: exit %d instead of %d" % (argv, got.returncode, status))
    print("%d mistakes, %d explained wrongly" % (tried, len(bad)))
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
