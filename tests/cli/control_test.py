#!/usr/bin/env python3
"""The control socket, as suricatasc would use it, and `tapir ctl`: a sensor that waits for packets on standard input."""
import json
import os
import pathlib
import socket
import stat
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TAPIR = os.environ.get("TAPIR", str(ROOT / "build" / "tapir"))
RULE = 'alert http any any -> any any (msg:"%s"; http.uri; content:"%s"; sid:%d;)\n'


class Client:
    def __init__(self, path, version="0.2"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(path)
        self.buffer = b""
        self.line = version != "0.1"
        assert self.ask({"version": version}) == {"return": "OK"}

    def send(self, raw):
        self.socket.sendall(raw)

    def receive(self):
        while True:
            text = self.buffer.decode()
            try:
                value, end = json.JSONDecoder().raw_decode(text.lstrip())
            except ValueError:
                got = self.socket.recv(65536)
                if not got:
                    raise EOFError
                self.buffer += got
                continue
            rest = text.lstrip()[end:]
            assert not self.line or rest.startswith("\n") or not rest, rest
            self.buffer = rest.lstrip("\n").encode()
            return value

    def ask(self, request):
        self.send(json.dumps(request).encode() + (b"\n" if self.line else b""))
        return self.receive()

    def command(self, name, ok=True, **arguments):
        answer = self.ask({"command": name, **({"arguments": arguments} if arguments else {})})
        assert answer["return"] == ("OK" if ok else "NOK"), (name, answer)
        return answer.get("message")


def wait_for(what, test, seconds=30):
    until = time.monotonic() + seconds
    while not test():
        assert time.monotonic() < until, "waited for " + what
        time.sleep(0.02)


def ctl(path, *words):
    return subprocess.run([TAPIR, "ctl", "-s", path, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def protocol(path):
    c = Client(path)
    assert c.command("running-mode") == "single"
    assert c.command("capture-mode") == "PCAP_FILE"
    assert "tapir" in c.command("version")
    assert isinstance(c.command("uptime"), int)
    commands = c.command("command-list")
    assert commands["count"] == len(commands["commands"]) and "reload-rules" in commands["commands"]
    assert commands["commands"] == sorted(commands["commands"])
    assert c.command("iface-list") == {"count": 0, "ifaces": []}
    assert c.command("conf-get", variable="outputs.0.eve-log.filename") == "eve.json"
    c.command("conf-get", ok=False, variable="no.such.key")
    c.command("conf-get", ok=False)
    c.command("iface-stat", ok=False, iface="eth99")
    assert any(m["name"] == "flow" for m in c.command("memcap-list"))
    assert c.command("memcap-show", config="flow") == {"value": "32mb"}
    c.command("memcap-show", ok=False, config="none")
    c.command("no-such-command", ok=False)
    counters = c.command("dump-counters")
    assert "decoder" in counters and "detect" in counters, counters.keys()
    assert c.command("reopen-log-files") == "done"
    # Split anywhere, several at once, an older client that sends no line ends, and what isn't JSON.
    text = b'{"command": "uptime"}\n'
    for byte in text:
        c.send(bytes([byte]))
    assert c.receive()["return"] == "OK"
    c.send(text * 5)
    assert all(c.receive()["return"] == "OK" for _ in range(5))
    c.send(b"garbage\n" + text)
    assert [c.receive()["return"] for _ in range(2)] == ["NOK", "OK"]
    old = Client(path, "0.1")
    assert isinstance(old.command("uptime"), int)
    rude = socket.socket(socket.AF_UNIX)
    rude.connect(path)
    rude.sendall(b'{"command": "shutdown"}\n')
    assert b"NOK" in rude.recv(1000), "a command before the version"
    # More clients than there is room for, and one that sends without end.
    many = []
    for _ in range(40):
        s = socket.socket(socket.AF_UNIX)
        s.connect(path)
        many.append(s)
    try:
        many[0].settimeout(5)
        many[0].sendall(b"x" * (1 << 20))
    except OSError:
        pass
    for s in many:
        s.close()
    assert isinstance(c.command("uptime"), int)


def reload(path, rules, folder):
    c = Client(path)
    assert c.command("ruleset-stats") == [{"id": 0, "rules_loaded": 1, "rules_failed": 0, "rules_skipped": 0}]
    with open(rules, "a") as f:
        f.write(RULE % ("two", "two", 2) + "alert http any any -> any any (msg:\"bad\"; contant:\"x\"; sid:3;)\n")
    assert c.command("reload-rules") == "done"
    assert c.command("ruleset-stats") == [{"id": 0, "rules_loaded": 2, "rules_failed": 1, "rules_skipped": 0}]
    failed = c.command("ruleset-failed-rules")
    assert len(failed) == 1 and failed[0]["line"] == 3 and "contant" in failed[0]["error"], failed
    # Nothing but mistakes: the rules before stay.
    with open(rules, "w") as f:
        f.write("this is no rule\n")
    c.command("reload-rules", ok=False)
    assert c.command("ruleset-stats")[0]["rules_loaded"] == 2
    with open(rules, "w") as f:
        f.write(RULE % ("one", "one", 1) + 'alert ip any any -> any any (msg:"set"; ip.src; dataset:isset,hosts,type ipv4; sid:4;)\n')
    assert c.command("ruleset-reload-nonblocking") == "done"
    wait_for("the reload", lambda: c.command("ruleset-stats")[0]["rules_failed"] == 0)
    item = {"setname": "hosts", "settype": "ipv4", "datavalue": "192.0.2.7"}
    c.command("dataset-lookup", ok=False, **item)
    assert c.command("dataset-add", **item) == "data added"
    assert c.command("dataset-add", **item) == "data already in set"
    c.command("dataset-add", ok=False, **{**item, "settype": "string"})
    c.command("dataset-add", ok=False, **{**item, "datavalue": "no address"})
    assert c.command("reload-rules") == "done"
    assert c.command("dataset-lookup", **item) == "item found in set", "what was learnt survives a reload"
    assert c.command("dataset-remove", **item) == "data removed"
    c.command("dataset-lookup", ok=False, **item)


def command_line(path):
    good = ctl(path, "uptime")
    assert good.returncode == 0 and good.stdout.strip().isdigit(), good
    assert json.loads(ctl(path, "--json", "uptime").stdout)["return"] == "OK"
    assert ctl(path, "iface-stat", "iface=x").returncode == 1
    bad = ctl(path, "uptme")
    assert bad.returncode == 2 and "did you mean uptime?" in bad.stderr, bad
    assert ctl(path, "iface-stat", "x").returncode == 2
    assert ctl(path).returncode == 2
    assert ctl(path + ".none", "uptime").returncode == 1
    assert "reload-rules" in ctl(path, "help").stdout


def main():
    with tempfile.TemporaryDirectory() as folder:
        path, rules = folder + "/dir/ctl.sock", folder + "/my.rules"
        with open(rules, "w") as f:
            f.write(RULE % ("one", "one", 1))
        # The beginning of a capture, and then nothing: two frames, so that the worker runs.
        head = (ROOT / "examples" / "captures" / "office.pcap").read_bytes()[:24]
        sensor = subprocess.Popen([TAPIR, "run", "-r", "-", "-S", rules, "-l", folder, "-q", "--set", "unix-command.enabled=yes",
                                   "--set", "unix-command.filename=" + path, "--set", "detect.sgh-mpm-caching=no"],
                                  stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            sensor.stdin.write(head)
            sensor.stdin.flush()
            wait_for("the socket", lambda: os.path.exists(path))
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700
            protocol(path)
            command_line(path)
            reload(path, rules, folder)
            assert Client(path).command("shutdown") == "Closing tapir"
            sensor.stdin.close()
            assert sensor.wait(30) == 0
            assert not os.path.exists(path), "the socket is left over"
        finally:
            if sensor.poll() is None:
                sensor.kill()
                sensor.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
