#!/usr/bin/env python3
"""A span port with real hosts: nginx and curl talk across a hub, the sensor watches its third port.

Namespaces of our own: client and server each hang on a bridge that forgets every address (so it floods like a hub), and so
does the span port, whose far end the sensor watches. For each kind of device: http and tls records and the alert
for a planted request appear while the sensor runs, and at the end what was received is what was followed plus what was dropped
for a named reason. Needs root, nginx, curl, openssl; else it is skipped.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TAPIR = os.environ.get("TAPIR", str(ROOT / "build" / "tapir"))
SERVER, PATIENCE_S = "10.99.0.2", 20


def sh(*argv, **kw):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw).stdout


class Hub:
    """Three namespaces around a bridge in a fourth."""

    def __init__(self):
        tag = "tl%d" % os.getpid()
        self.ns = {n: tag + n for n in ("hub", "cli", "srv", "mon")}

    def __enter__(self):
        for name in self.ns.values():
            sh("ip", "netns", "add", name)
        hub = self.ns["hub"]
        sh("ip", "-n", hub, "link", "add", "br0", "type", "bridge", "ageing_time", "0", "mcast_snooping", "0")
        sh("ip", "-n", hub, "link", "set", "br0", "up")
        for name, port in (("cli", "e0"), ("srv", "e0"), ("mon", "span0")):
            ns = self.ns[name]
            sh("ip", "-n", hub, "link", "add", "p" + name, "type", "veth", "peer", "name", port, "netns", ns)
            sh("ip", "-n", hub, "link", "set", "p" + name, "master", "br0", "up")
            sh("ip", "-n", ns, "link", "set", port, "up")
            sh("ip", "-n", ns, "link", "set", "lo", "up")
            for where, dev in ((hub, "p" + name), (ns, port)):
                subprocess.run(["ip", "netns", "exec", where, "ethtool", "-K", dev, "tx", "off", "gso", "off", "tso", "off", "gro", "off"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        sh("ip", "-n", self.ns["cli"], "addr", "add", "10.99.0.1/24", "dev", "e0")
        sh("ip", "-n", self.ns["srv"], "addr", "add", SERVER + "/24", "dev", "e0")
        return self

    def __exit__(self, *_):
        for name in self.ns.values():
            subprocess.run(["ip", "netns", "del", name])

    def argv(self, where, *argv):
        return ["ip", "netns", "exec", self.ns[where], *argv]


def start_nginx(hub, folder):
    sh("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder + "/k.pem", "-out", folder + "/c.pem",
       "-days", "2", "-subj", "/CN=live.test")
    with open(folder + "/index.html", "w") as f:
        f.write("<html>hello</html>\n" * 200)
    with open(folder + "/nginx.conf", "w") as f:
        f.write("""daemon off; master_process off; pid %(d)s/nginx.pid; error_log %(d)s/error.log; events {}
http { access_log off; client_body_temp_path %(d)s; proxy_temp_path %(d)s; fastcgi_temp_path %(d)s; uwsgi_temp_path %(d)s;
 scgi_temp_path %(d)s; server { listen 80; listen 443 ssl; ssl_certificate %(d)s/c.pem; ssl_certificate_key %(d)s/k.pem;
 root %(d)s; } }
""" % {"d": folder})
    return subprocess.Popen(hub.argv("srv", shutil.which("nginx") or "/usr/sbin/nginx", "-c", folder + "/nginx.conf"),
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def curl(hub, *argv):
    return subprocess.run(hub.argv("cli", "curl", "-sS", "-m", "5", "-o", "/dev/null", *argv), stderr=subprocess.PIPE, text=True)


def wait_for(what, test, seconds=PATIENCE_S):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = test()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("waited %d s for %s" % (seconds, what))


def records(path):
    rows = []
    if os.path.exists(path):
        with open(path) as f:
            for line in f:
                if line.endswith("\n"):
                    rows.append(json.loads(line))
    return rows


def account_holds(stats):
    """received = followed + sum(dropped), from the sensor's own account."""
    account = stats["tapir"]
    assert account["received"] > 0, account
    assert account["received"] == account["followed"] + account["fragments_held"] + sum(account["dropped"].values()), account


def watch(hub, folder, kind):
    out = os.path.join(folder, kind)
    os.mkdir(out)
    rules = os.path.join(folder, "live.rules")
    with open(rules, "w") as f:
        f.write('alert http any any -> any any (msg:"planted attack"; flow:established,to_server; http.uri; '
                'content:"/etc/passwd"; sid:4711; rev:1;)\n')
    log = open(os.path.join(out, "log"), "w")
    sensor = subprocess.Popen(hub.argv("mon", TAPIR, "run", "-i", "span0", "--device", kind, "-S", rules, "-l", out, "-v"),
                              stdout=log, stderr=log)
    eve = os.path.join(out, "eve.json")

    def seen(**want):
        def test():
            assert sensor.poll() is None, open(os.path.join(out, "log")).read()
            return [r for r in records(eve) if all(r.get(k) == v for k, v in want.items())]
        return test

    try:
        # It listens when it sees the first exchange; what came before it is nobody's loss.
        wait_for("the sensor to see traffic",
                 lambda: curl(hub, "http://%s/warm" % SERVER).returncode == 0 and seen(event_type="http")())
        planted = time.monotonic()
        assert curl(hub, "--path-as-is", "http://%s/x/etc/passwd" % SERVER).returncode == 0
        assert curl(hub, "-k", "https://%s/" % SERVER).returncode == 0
        alerts = wait_for("the alert", seen(event_type="alert"))
        took = time.monotonic() - planted
        tls = wait_for("the tls record", seen(event_type="tls"))
    finally:
        if sensor.poll() is None:
            sensor.send_signal(signal.SIGINT)
        status = sensor.wait(30)
        log.close()
    text = open(os.path.join(out, "log")).read()
    assert status == 0, text
    assert alerts[0]["alert"]["signature_id"] == 4711 and alerts[0]["http"]["url"] == "/x/etc/passwd", alerts[0]
    assert tls[0]["dest_port"] == 443, tls[0]
    assert [r for r in records(eve) if r["event_type"] == "http" and r["http"].get("status") == 404]
    account_holds([r for r in records(eve) if r["event_type"] == "stats"][-1]["stats"])
    print("%s: alert after %.2f s; %s" % (kind, took, [l for l in text.splitlines() if "span0" in l][:1]))


def missing():
    """What this machine lacks for such a test; None where nothing."""
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("ip", "curl", "openssl", "ethtool"):
        if shutil.which(tool) is None:
            return "needs " + tool
    if not os.path.exists("/usr/sbin/nginx") and shutil.which("nginx") is None:
        return "needs nginx"
    return None


def main():
    why = missing()
    if why:
        print("skipped: " + why)
        return 77
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with Hub() as hub:
            nginx = start_nginx(hub, folder)
            try:
                wait_for("nginx", lambda: curl(hub, "http://%s/" % SERVER).returncode == 0)
                for kind in ("pcap", "afxdp"):
                    watch(hub, folder, kind)
            finally:
                nginx.terminate()
                nginx.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
