#!/usr/bin/env python3
"""Rules that reject, on a span port whose interface may also send: real kernels on both sides believe the resets and the ICMP
errors, by IPv4 and IPv6, and nobody else is disturbed."""
import json
import os
import sys
import tempfile

import nets
from nets import TAPIR, Net, sh, wait_for

# A rule with dsize looks at packets; without, at the stream, which is inspected in chunks.
RULES = """
rejectboth tcp any any -> any 7000 (msg:"both"; flow:established,to_server; content:"forbidden"; dsize:<99; sid:1;)
rejectsrc udp any any -> any 7000 (msg:"udp"; content:"forbidden"; sid:2;)
drop tcp any any -> any 7001 (msg:"dropped"; flow:established,to_server; content:"forbidden"; dsize:<99; sid:3;)
"""
# Says what happens to a connection, at both ends.
SERVER = """
import socket,sys,threading,time
def talk(c):
    try:
        while True:
            b=c.recv(999)
            if not b: break
            time.sleep(.1); c.send(b'you said '+b)
        print('closed',flush=True)
    except (ConnectionResetError, BrokenPipeError): print('reset',flush=True)
def serve(port):
    s=socket.create_server(('::',port),family=socket.AF_INET6,dualstack_ipv6=True)
    while True: threading.Thread(target=talk,args=(s.accept()[0],)).start()
for p in (7000,7001): threading.Thread(target=serve,args=(p,)).start()
u=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM); u.bind(('::',7000))
print('ready',flush=True)
"""
CLIENT = """
import socket,sys,time
host,port,kind,word=sys.argv[1],int(sys.argv[2]),sys.argv[3],sys.argv[4].encode()
family=socket.AF_INET6 if ':' in host else socket.AF_INET
s=socket.socket(family,socket.SOCK_STREAM if kind=='tcp' else socket.SOCK_DGRAM)
s.settimeout(3)
s.connect((host,port))
try:
    s.send(b'good')
    if kind=='tcp': assert s.recv(99)==b'you said good'
    s.send(word)
    for i in range(8):
        time.sleep(.1)
        if kind=='tcp': s.send(b'more'); s.recv(999)
        else:
            s.settimeout(.1)
            try: s.recv(1)
            except TimeoutError: pass
    print('alive')
except OSError as e: print(type(e).__name__, e.strerror)
"""


def main():
    nets.skip_unless()
    with Net("hub", "cli", "srv", "mon") as net, tempfile.TemporaryDirectory() as folder:
        hub = net.ns["hub"]
        sh("ip", "-n", hub, "link", "add", "br0", "type", "bridge", "ageing_time", "0", "mcast_snooping", "0")
        sh("ip", "-n", hub, "link", "set", "br0", "up")
        for name in ("cli", "srv", "mon"):
            net.veth(name, "e0", "hub", "p" + name)
            sh("ip", "-n", hub, "link", "set", "p" + name, "master", "br0")
        net.quiet("mon")
        net.addr("cli", "e0", "10.95.0.1/24", "fd95::1/64")
        net.addr("srv", "e0", "10.95.0.2/24", "fd95::2/64")
        rules = os.path.join(folder, "r.rules")
        with open(rules, "w") as f:
            f.write(RULES)
        log = open(os.path.join(folder, "log"), "w")
        sensor = net.start("mon", TAPIR, "run", "-i", "e0", "--reject-dev", "e0", "--set", "reject.on-drop=yes", "-S", rules,
                           "-l", folder, stdout=log, stderr=log)
        out = open(os.path.join(folder, "server"), "w")
        net.start("srv", sys.executable, "-c", SERVER, stdout=out)
        said = lambda: open(os.path.join(folder, "server")).read().split()
        wait_for("the server", lambda: "ready" in said())
        wait_for("the sensor", lambda: sensor.poll() is not None or "native" in open(os.path.join(folder, "log")).read())

        def client(*argv):
            return net.run("cli", sys.executable, "-c", CLIENT, *argv).strip()

        for host in ("10.95.0.2", "fd95::2"):
            before = said().count("reset")
            assert client(host, "7000", "tcp", "innocent") == "alive"
            got = client(host, "7000", "tcp", "forbidden")
            assert got.startswith(("ConnectionReset", "BrokenPipe")), (host, got)
            got = client(host, "7001", "tcp", "forbidden")
            assert got.startswith(("ConnectionReset", "BrokenPipe")), (host, got)
            wait_for("the server's resets", lambda: said().count("reset") == before + 2)
            assert client(host, "7000", "udp", "innocent") == "alive"
            got = client(host, "7000", "udp", "forbidden")
            assert "No route to host" in got or "Permission denied" in got, got
        assert net.stop(sensor) == 0, open(os.path.join(folder, "log")).read()
        stats = [json.loads(line) for line in open(os.path.join(folder, "eve.json")) if '"stats"' in line][-1]["stats"]["tapir"]
        assert stats["reject"]["sent"] >= 10 and stats["reject"]["failed"] == 0, stats["reject"]
        print(stats["reject"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
