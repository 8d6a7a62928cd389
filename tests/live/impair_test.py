#!/usr/bin/env python3
"""`tapir impair` between two kernels: what was asked for happens to ping and to TCP, and the account adds up."""
import json
import re
import subprocess
import sys

import nets
from nets import TAPIR, Net, wait_for

THERE = "10.98.0.2"


def ping(net, count, *more, wait="1"):
    """How many of count came back, and the round trips in ms."""
    text = net.run("left", "ping", "-n", "-i", "0.01", "-W", wait, "-c", str(count), *more, THERE, check=False)
    return len(re.findall(r"icmp_seq=\d+ ttl=\d+ time=[0-9.]+ ms\n", text)), \
        [float(t) for t in re.findall(r" time=([0-9.]+) ms", text)], text


def impaired(net, ports, *options):
    child = net.start("mid", TAPIR, "impair", *ports, "--json", *options, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                      text=True)
    wait_for("the bridge", lambda: child.poll() is not None or ping(net, 1, wait="0.2")[0] == 1)
    assert child.poll() is None, child.stderr.read()
    return child


def account(net, child):
    assert net.stop(child) == 0
    lanes = json.load(child.stdout)
    for name, lane in lanes.items():
        # All that came in went on, or was lost for a named reason; a few may still have waited.
        waiting = lane["frames"] + lane["duplicated"] - lane["passed"] - lane["lost"] - lane["queue_full"]
        assert 0 <= waiting <= 8, (name, lane)
    return lanes["there"], lanes["back"]


def delays(net, ports):
    child = impaired(net, ports, "--delay", "20ms")
    got, times, text = ping(net, 20)
    assert got == 20 and min(times) >= 40, text
    there, back = account(net, child)
    assert there["lost"] == back["lost"] == 0 and there["frames"] >= 20, there


def loses(net, ports):
    child = impaired(net, ports, "--there", "loss=20%", "--seed", "7")
    got, _, text = ping(net, 200)
    there, back = account(net, child)
    assert back["lost"] == 0 and there["lost"] > 0, (there, back)
    # Pings and nothing else went there: but for a few neighbour requests what was lost didn't come back.
    assert abs(got - (200 - there["lost"])) <= 8, (got, there)
    assert 0.1 < there["lost"] / there["frames"] < 0.3, there


def doubles_and_turns(net, ports):
    child = impaired(net, ports, "--duplicate", "30%", "--reorder", "10%", "--seed", "3")
    got, times, text = ping(net, 100)
    there, back = account(net, child)
    assert got == 100 and "DUP!" in text, text
    assert there["duplicated"] > 10 and there["reordered"] > 2 and back["duplicated"] > 10, (there, back)


def carries_tcp(net, ports):
    """All that is wrong with a network at once; what arrives is what was sent."""
    child = impaired(net, ports, "--loss", "1%", "--burst-enter", "0.2%", "--burst-leave", "40%", "--reorder", "5%",
                     "--duplicate", "1%", "--corrupt", "0.5%", "--delay", "1ms", "--jitter", "500us", "--seed", "7")
    server = net.start("right", sys.executable, "-c",
                       "import socket,hashlib\ns=socket.create_server(('', 7000))\nc,_=s.accept()\nh=hashlib.sha256()\n"
                       "while 1:\n b=c.recv(65536)\n if not b: break\n h.update(b)\nc.send(h.hexdigest().encode())\nc.close()")
    client = ("import socket,hashlib,random,time\n"
              "for i in range(100):\n"
              "  try: s=socket.create_connection(('%s', 7000), 20); break\n"
              "  except ConnectionRefusedError: time.sleep(.1)\n"
              "b=random.Random(7).randbytes(2000000)\ns.sendall(b)\ns.shutdown(1)\n"
              "assert s.recv(64).decode()==hashlib.sha256(b).hexdigest()\nprint('whole')" % THERE)
    assert "whole" in net.run("left", sys.executable, "-c", client)
    server.wait(10)
    there, back = account(net, child)
    assert there["lost"] > 5 and there["corrupted"] > 0 and there["reordered"] > 5 and there["duplicated"] > 0, there


def limits_the_rate(net, ports):
    """More than the queue holds is lost at the rate."""
    child = impaired(net, ports, "--there", "rate=1mbit,queue=5")
    net.run("left", "ping", "-q", "-n", "-s", "1400", "-c", "40", "-l", "40", "-W", "1", THERE, check=False)
    there, back = account(net, child)
    assert there["queue_full"] > 10 and back["queue_full"] == 0, (there, back)


def main():
    nets.skip_unless("ping")
    with Net("left", "mid", "right") as net:
        net.veth("left", "e0", "mid", "qa")
        net.veth("right", "e0", "mid", "qb")
        for ns in ("left", "mid", "right"):
            net.quiet(ns)
        net.addr("left", "e0", "10.98.0.1/24")
        net.addr("right", "e0", THERE + "/24")
        for test in (delays, loses, doubles_and_turns, carries_tcp, limits_the_rate):
            test(net, ("qa", "qb"))
        # By libpcap, and with one port each way.
        loses(net, ("pcap:qa", "qb"))
        delays(net, ("pcap:qa", "pcap:qb"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
