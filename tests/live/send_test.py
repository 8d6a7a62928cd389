#!/usr/bin/env python3
"""`tapir send` to a real kernel: over AF_XDP, libpcap and a tap, by IPv4 and IPv6, what was described arrives, once and whole."""
import os
import subprocess
import sys
import tempfile

import nets
from nets import TAPIR, Net

LISTEN = ("import socket,sys\ns=socket.socket(socket.%s,socket.SOCK_DGRAM)\ns.settimeout(3)\ns.bind(('',int(sys.argv[1])))\n"
          "s.setsockopt(socket.SOL_SOCKET,socket.SO_RCVBUF,4<<20)\nprint('ready',flush=True)\nseen=[]\n"
          "try:\n while len(seen)<int(sys.argv[2]):\n  d,a=s.recvfrom(9000)\n  seen.append(d.hex()+' '+str(a[1]))\n"
          "except TimeoutError: pass\nprint('\\n'.join(seen))")


def heard(net, family, port, count, *send):
    """What a socket on the far side receives of what is sent: [(payload, source port)]."""
    child = net.start("far", sys.executable, "-c", LISTEN % family, str(port), str(count), stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    said = net.run("near", TAPIR, "send", *send, check=False)
    rows = [line.split() for line in child.stdout.read().splitlines()]
    child.wait()
    assert len(rows) == count, (len(rows), said)
    return [(bytes.fromhex(r[0]), int(r[1])) for r in rows]


def main():
    nets.skip_unless("ping")
    with Net("near", "far") as net, tempfile.TemporaryDirectory() as folder:
        net.veth("near", "qa", "far", "e0")
        net.quiet("near")
        net.addr("far", "e0", "10.97.0.2/24", "fd97::2/64")
        for port in ("qa", "pcap:qa"):
            rows = heard(net, "AF_INET", 9000, 50, "-i", port,
                         'ip src=10.97.0.9 dst=10.97.0.2 / udp sport={1000-1049} dport=9000 / "hello\\n"')
            assert [r[1] for r in rows] == list(range(1000, 1050)) and rows[0][0] == b"hello\n", rows
            rows = heard(net, "AF_INET6", 9001, 3, "-i", port, "--loop", "3", "ip src=fd97::9 dst=fd97::2 / udp 7 9001 / zeros:1000")
            assert rows == [(bytes(1000), 7)] * 3, rows
            # At a rate, from memory: none is lost where the far side keeps up.
            heard(net, "AF_INET", 9002, 2000, "-i", port, "--rate", "4000", "--loop", "200",
                  "ip src=10.97.0.9 dst=10.97.0.2 / udp {1-10} 9002 / hex:78")
        # From a capture, with the MAC address of the wire.
        mac = net.run("far", "cat", "/sys/class/net/e0/address").strip()
        net.run("near", TAPIR, "send", "-q", "-w", os.path.join(folder, "x.pcap"), 'eth / ip 10.97.0.9 10.97.0.2 / udp {5-8} 9004 / "x"')
        rows = heard(net, "AF_INET", 9004, 8, "-i", "qa", "-r", os.path.join(folder, "x.pcap"), "--dst-mac", mac, "--loop", "2")
        assert [r[1] for r in rows] == [5, 6, 7, 8] * 2, rows
        # Nobody there: it is said.
        assert "nobody answers" in net.run("near", TAPIR, "send", "-i", "qa", "ip 10.97.0.9 10.97.0.77 / icmp", check=False)
        # A tun of the machine itself carries bare packets.
        net.run("near", "sh", "-c", "ip tuntap add tn0 mode tun && ip addr add 10.96.0.1/24 dev tn0 && ip link set tn0 up")
        before = int(net.run("near", "cat", "/sys/class/net/tn0/statistics/rx_packets"))
        net.run("near", TAPIR, "send", "-i", "tap:tn0,link=101", "ip 10.96.0.2 10.96.0.{1-20} / icmp")
        assert int(net.run("near", "cat", "/sys/class/net/tn0/statistics/rx_packets")) - before == 20
    return 0


if __name__ == "__main__":
    sys.exit(main())
