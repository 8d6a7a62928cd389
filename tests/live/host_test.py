#!/usr/bin/env python3
"""The examples on the host stack talk to a real kernel, over AF_XDP and libpcap, by IPv4 and IPv6: pages from nginx, whole also
through a bad network; echoes, pings, the time of day."""
import hashlib
import os
import pathlib
import shutil
import sys
import tempfile

import nets
from nets import TAPIR, Net

EXAMPLES = pathlib.Path(TAPIR).parent / "examples"
SIZE = 4 << 20
BAD = "impair=loss=2%+reorder=10%+duplicate=1%+seed=7"

ECHO = ("import socket,sys,hashlib,threading\ns=socket.create_connection((sys.argv[1],7),timeout=20)\nd=bytes(range(256))*4096\n"
        "t=threading.Thread(target=lambda:(s.sendall(d),s.shutdown(socket.SHUT_WR)))\nt.start()\ng=b''\n"
        "while len(g)<len(d):\n x=s.recv(65536)\n assert x\n g+=x\nassert g==d\nt.join()\nprint('whole')")
TIME = ("import socket,sys\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.settimeout(1)\nfor i in range(15):\n"
        " s.sendto(b'?',(sys.argv[1],37))\n try: print(s.recv(99).decode()); break\n except TimeoutError: pass\n")

NGINX = """pid %s/nginx.pid;
error_log %s/error.log;
events {}
http { access_log off; server { listen 10.95.0.1:80; listen [fd95::1]:80; root %s; } }
"""


def fetch(net, port, address, server, wanted):
    """http_get's copy of the file; its digest has to be the file's."""
    page = net.run("near", "sh", "-c", "exec '%s' '%s' '%s' '%s' 80 /file | sha256sum" % (EXAMPLES / "http_get", port, address, server),
                   timeout=120)
    assert page.split()[0] == wanted, (port, server, page)


def main():
    nets.skip_unless("nginx")
    if not (EXAMPLES / "http_get").exists():
        print("skipped: the examples aren't built")
        return 77
    with Net("near", "far") as net, tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        net.veth("near", "qa", "far", "e0")
        net.quiet("near")
        net.addr("far", "e0", "10.95.0.1/24", "fd95::1/64")
        data = os.urandom(SIZE)
        with open(folder + "/file", "wb") as f:
            f.write(data)
        with open(folder + "/nginx.conf", "w") as f:
            f.write(NGINX % (folder, folder, folder))
        digest = hashlib.sha256(data).hexdigest()
        net.start("far", shutil.which("nginx"), "-c", folder + "/nginx.conf", "-g", "daemon off; master_process off;")
        nets.wait_for("nginx", lambda: "LISTEN" in net.run("far", "ss", "-ltn", "sport = :80"))
        fetch(net, "afxdp:qa", "10.95.0.2/24", "10.95.0.1", digest)
        fetch(net, "afxdp:qa", "fd95::2/64", "fd95::1", digest)
        fetch(net, "pcap:qa", "10.95.0.2/24", "10.95.0.1", digest)
        fetch(net, "afxdp:qa," + BAD, "10.95.0.2/24", "10.95.0.1", digest)
        said = net.run("near", str(EXAMPLES / "ping_raw"), "afxdp:qa", "10.95.0.2/24", "10.95.0.1")
        assert "8 bytes from 10.95.0.1: ttl=64" in said, said
        # The kernel's clients, and our servers.
        server = net.start("near", str(EXAMPLES / "echo_server"), "afxdp:qa", "10.95.0.2/24", "7")
        nets.wait_for("the host", lambda: "1 received" in net.run("far", "ping", "-c1", "-W1", "10.95.0.2", check=False))
        assert "whole" in net.run("far", sys.executable, "-c", ECHO, "10.95.0.2")
        net.stop(server)
        server = net.start("near", str(EXAMPLES / "time_server"), "pcap:qa", "10.95.0.2/24", "37")
        assert "T" in net.run("far", sys.executable, "-c", TIME, "10.95.0.2")
        net.stop(server)
    return 0


if __name__ == "__main__":
    sys.exit(main())
