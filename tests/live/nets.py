"""Namespaces, veth pairs and the programs in them, for live tests; all of it is gone at the end.

    with Net("left", "mid", "right") as net:
        net.veth("left", "e0", "mid", "qa")
        net.addr("left", "e0", "10.98.0.1/24", "fd98::1/64")
        server = net.start("right", "iperf3", "-s")
        net.run("left", "ping", "-c", "1", "10.98.0.2")
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TAPIR = os.environ.get("TAPIR", str(ROOT / "build" / "tapir"))
PATIENCE_S = 20


def skip_unless(*tools):
    """Ends the test as skipped (77) where it isn't root's, or lacks a program."""
    if os.geteuid() != 0:
        print("skipped: needs root")
        sys.exit(77)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for tool in ("ip", "ethtool") + tools:
        if shutil.which(tool) is None:
            print("skipped: needs " + tool)
            sys.exit(77)


def sh(*argv, check=True, **kw):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kw)
    if check and done.returncode != 0:
        raise AssertionError("%s: status %d:\n%s" % (" ".join(argv), done.returncode, done.stdout))
    return done.stdout


def wait_for(what, test, seconds=PATIENCE_S):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = test()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError("waited %d s for %s" % (seconds, what))


class Net:
    def __init__(self, *names):
        self.ns = {n: "th%d%s" % (os.getpid(), n) for n in names}
        self.children = []

    def __enter__(self):
        try:
            for name in self.ns.values():
                sh("ip", "netns", "add", name)
                sh("ip", "-n", name, "link", "set", "lo", "up")
        except AssertionError as e:
            self.__exit__()
            print("skipped: no namespaces here: %s" % e)
            sys.exit(77)
        return self

    def __exit__(self, *_):
        for child in self.children:
            if child.poll() is None:
                child.kill()
                child.wait()
        for name in self.ns.values():
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)

    def veth(self, a, a_if, b, b_if, mtu=1500):
        """A pair between two namespaces, up, its checksums complete and its segments not merged."""
        sh("ip", "-n", self.ns[a], "link", "add", a_if, "mtu", str(mtu), "type", "veth",
           "peer", "name", b_if, "mtu", str(mtu), "netns", self.ns[b])
        for ns, dev in ((a, a_if), (b, b_if)):
            sh("ip", "-n", self.ns[ns], "link", "set", dev, "up")
            for what in ("tx", "gso", "tso", "gro"):
                subprocess.run(self.argv(ns, "ethtool", "-K", dev, what, "off"), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)

    def addr(self, ns, dev, *addresses):
        for a in addresses:
            nodad = ["nodad"] if ":" in a else []
            sh("ip", "-n", self.ns[ns], "addr", "add", a, "dev", dev, *nodad)

    def quiet(self, ns):
        """No IPv6 of the kernel's own: nothing is on the wire but what the test sends."""
        sh(*self.argv(ns, "sh", "-c", "for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 > $f; done"))

    def argv(self, ns, *argv):
        return ["ip", "netns", "exec", self.ns[ns], *argv]

    def run(self, ns, *argv, timeout=60, **kw):
        return sh(*self.argv(ns, *argv), timeout=timeout, **kw)

    def start(self, ns, *argv, **kw):
        kw.setdefault("stdout", subprocess.DEVNULL)
        kw.setdefault("stderr", subprocess.STDOUT)
        child = subprocess.Popen(self.argv(ns, *argv), **kw)
        self.children.append(child)
        return child

    def stop(self, child, how=signal.SIGINT, seconds=PATIENCE_S):
        """Ends a child as a person would; its status."""
        if child.poll() is None:
            child.send_signal(how)
        return child.wait(seconds)
