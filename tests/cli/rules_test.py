#!/usr/bin/env python3
"""`tapir rules test` and `tapir rules profile`, as a rule author uses them."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TAPIR = os.environ.get("TAPIR", str(ROOT / "build" / "tapir"))
RULES = ROOT / "examples" / "rules" / "office.rules"
CAPTURE = ROOT / "examples" / "captures" / "office.pcap"
HEAD = "rules: %s\ntests:\n" % RULES

# A file of tests; the exit status; words of what is said.
FILES = [
    (HEAD + "  - {name: a, http: GET /../x/etc/passwd, expect: 1000001}\n", 0, ["1 passed, 0 failed"]),
    (HEAD + "  - {name: a, http: GET /, expect: none}\n", 0, ["1 passed"]),
    (HEAD + "  - {name: a, http: GET /, expect: [1000001]}\n", 1, ["FAIL a", "- 1000001", "expected an alert, got 0",
                                                                "the fast pattern \"/etc/passwd\" isn't in http.uri.raw"]),
    (HEAD + "  - {name: a, http: GET /../x/etc/passwd, expect: none}\n", 1, ["+ 1000001 WEB Path traversal", "expected no alert, got 1"]),
    (HEAD + "  - {name: a, http: GET /../x/etc/passwd, others: yes, expect: none}\n", 0, ["1 passed"]),
    (HEAD + "  - {name: a, http: GET /../x/etc/passwd, expect: [1000001 x 2]}\n", 1, ["expected 2 alerts, got 1"]),
    (HEAD + "  - {name: a, http: [GET /../x/etc/passwd, GET /a/../x/etc/passwd], expect: [1000001 x 2]}\n", 0, ["1 passed"]),
    (HEAD + "  - {name: a, http: GET /../x/etc/passwd, set: [vars.address-groups.HOME_NET=172.16.0.0/12], expect: 1000001}\n", 1,
     ["destination address 192.168.10.80 isn't in $HOME_NET"]),
    (HEAD + "  - {name: a, http: GET /, expect: 99}\n", 1, ["there is no such rule"]),
    (HEAD + "  - {name: a, capture: %s, others: yes, expect: [1000010 x 2]}\n" % CAPTURE, 0, ["1 passed"]),
    (HEAD + "  - {name: a, payload: \"GET /../x/etc/passwd HTTP/1.0\\r\\n\\r\\n\", expect: 1000001}\n", 0, ["1 passed"]),
    (HEAD + "  - name: a\n    messages:\n      - to-server: \"GET /../x/etc/passwd HTTP/1.0\\r\\n\"\n      - to-server-hex: 0d0a\n"
     "    expect: 1000001\n", 0, ["1 passed"]),
    (HEAD + "  - {name: a, payload-hex: 0g, expect: none}\n", 1, [":3:", "hexadecimal"]),
    (HEAD + "  - {name: a, flow: {proto: sctp}, http: GET /, expect: none}\n", 1, ["expected tcp or udp"]),
    (HEAD + "  - {name: a, flow: {client: here}, http: GET /, expect: none}\n", 1, ["here"]),
    (HEAD + "  - {name: a, http: GET /}\n", 1, ["expected \"expect:\""]),
    (HEAD + "  - {name: a, expect: none}\n", 1, ["expected one of capture, http"]),
    (HEAD + "  - {http: GET /, expect: none}\n", 1, ["no name"]),
    (HEAD + "  - {name: a, http: GET /, expect: some}\n", 1, ["expected a sid"]),
    (HEAD + "  - {name: a, http: GET /, expect: none, cpture: x}\n", 1, ["cpture\" has no meaning here"]),
    (HEAD + "  - {name: a, capture: none.pcap, expect: none}\n", 1, ["none.pcap"]),
    ("tests:\n  - {name: a, http: GET /, expect: none}\n", 1, ["rules:"]),
    (HEAD, 1, ["tests:"]),
    ("tests: [", 1, [":"]),
]


def tapir(*argv):
    done = subprocess.run([TAPIR, "rules", *argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    return done.returncode, done.stdout


def tests(bad):
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/a.test.yaml"
        for text, status, words in FILES:
            with open(path, "w") as f:
                f.write(text)
            got, said = tapir("test", path)
            if got != status or any(w not in said for w in words):
                bad.append("%s\nexpected exit %d and %s\ngot %d: %s" % (text, status, words, got, said))
    status, said = tapir("test", "--json", str(ROOT / "examples" / "rules" / "office.test.yaml"))
    answer = json.loads(said)
    if status != 0 or answer["failed"] != 0 or answer["passed"] != len(answer["tests"]):
        bad.append("office.test.yaml: " + said)


def profile(bad):
    status, said = tapir("profile", "-S", str(RULES), "-r", str(CAPTURE), "--json")
    answer = json.loads(said)
    matched = {r["sid"]: r["matched"] for r in answer["rules"]}
    if status != 0 or answer["packets"] != 657 or matched.get(1000010) != 2 or matched.get(1000001) != 1:
        bad.append("profile: " + said)
    if any(r["sampled"] != r["judged"] or r["total_us"] <= 0 for r in answer["rules"]):
        bad.append("profile: not every judgement was timed: " + said)
    status, said = tapir("profile", "-S", str(RULES), "-r", str(CAPTURE), "--json", "--one-in", "10")
    if status != 0 or sum(r["sampled"] for r in json.loads(said)["rules"]) > sum(r["judged"] for r in json.loads(said)["rules"]) / 10:
        bad.append("profile --one-in 10: " + said)
    status, said = tapir("profile", "-S", str(RULES), "-r", str(CAPTURE), "-n", "2")
    if status != 0 or len(said.splitlines()) != 4 or "and 8 more" not in said:
        bad.append("profile -n 2: " + said)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([TAPIR, "run", "-r", str(CAPTURE), "-S", str(RULES), "-l", folder, "-q", "--workers", "2",
                        "--set", "profiling.rules.enabled=yes", "--set", "profiling.sample-rate=1",
                        "--set", "profiling.rules.json=yes"], check=True)
        with open(folder + "/rule_perf.log") as f:
            matched = {r["sid"]: r["matched"] for r in json.load(f)["rules"]}
        if matched.get(1000010) != 2:
            bad.append("rule_perf.log: %s" % matched)
    for argv, want in ((["profile"], 2), (["profile", "-r", "/none", "-S", str(RULES)], 1), (["test"], 2)):
        status, said = tapir(*argv)
        if status != want:
            bad.append("%s: exit %d instead of %d: %s" % (argv, status, want, said))


def main():
    bad = []
    tests(bad)
    profile(bad)
    print("\n".join(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
