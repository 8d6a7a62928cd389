#!/usr/bin/env python3
"""Real rsyslog and syslog-ng: RFC 5424 over UDP, TCP and TLS; and plain lines over TLS into openssl s_server."""
import json
import os
import re
import shutil
import socket
import subprocess
import time

import kit

COUNT = 1000


def sink(transport, port, cert, more=""):
    return f"""  - name: syslog-{transport}
    filetype: syslog
    types: [alert]
    retry: {{min: 20ms, max: 200ms}}
    shutdown-timeout: 20
    facility: local3
    syslog:
      server: localhost
      port: {port}
      transport: {transport}
{more}      tls: {{ca-file: {cert}}}
"""


def certificate(folder):
    cert, key = folder.file("cert.pem"), folder.file("key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


def free_both():
    """A port free for TCP and for UDP."""
    while True:
        port = kit.free_port()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def rsyslog(folder, port, tls_port, cert, key, out):
    conf = folder.file("rsyslog.conf", f"""
global(workDirectory="{folder.path}" maxMessageSize="256k" defaultNetstreamDriver="ossl"
       defaultNetstreamDriverCAFile="{cert}" defaultNetstreamDriverCertFile="{cert}" defaultNetstreamDriverKeyFile="{key}")
module(load="imudp")
module(load="imptcp")
module(load="imtcp" StreamDriver.Name="ossl" StreamDriver.Mode="1" StreamDriver.AuthMode="anon")
input(type="imudp" address="127.0.0.1" port="{port}" rcvbufSize="8m")
input(type="imptcp" address="127.0.0.1" port="{port}")
input(type="imtcp" address="127.0.0.1" port="{tls_port}")
template(name="line" type="string" string="%syslogfacility-text%.%syslogseverity-text% %hostname% %app-name% %msgid% %structured-data% %msg%\\n")
action(type="omfile" file="{out}" template="line" asyncWriting="off" flushOnTXEnd="on")
""")
    p = folder.start("rsyslogd", "-n", "-f", conf, "-i", folder.file("rsyslog.pid"))
    kit.wait_for("rsyslog", lambda: kit.port_open(port) and kit.port_open(tls_port))
    return p


def syslog_ng(folder, program, root, port, tls_port, cert, key, out):
    conf = folder.file("syslog-ng.conf", f"""@version: 3.35
options {{ log-msg-size(262144); stats-freq(0); keep-hostname(yes); }};
source s {{
  network(ip("127.0.0.1") port({port}) transport("udp") flags(syslog-protocol) so-rcvbuf(8388608));
  syslog(ip("127.0.0.1") port({port}) transport("tcp"));
  syslog(ip("127.0.0.1") port({tls_port}) transport("tls") tls(cert-file("{cert}") key-file("{key}") peer-verify(optional-untrusted)));
}};
destination d {{ file("{out}" template("${{FACILITY}}.${{LEVEL}} ${{HOST}} ${{PROGRAM}} ${{MSGID}} [id=\\"${{.SDATA.tapir@32473.id}}\\"] ${{MESSAGE}}\\n")); }};
log {{ source(s); destination(d); }};
""")
    modules = f"{root}/usr/lib/syslog-ng/3.38" if root else None
    more = ["--module-path", modules] if root else []
    env = dict(os.environ, LD_LIBRARY_PATH=f"{root}/usr/lib/syslog-ng:{root}/usr/lib/syslog-ng/3.38:{root}/usr/lib/x86_64-linux-gnu:{root}/usr/lib") if root \
        else None
    p = folder.start(program, "-F", "-f", conf, "--no-caps", "-R", folder.file("ng.persist"), "-p", folder.file("ng.pid"), "-c",
                     folder.file("ng.ctl"), *more, env=env)
    kit.wait_for("syslog-ng", lambda: kit.port_open(port) and kit.port_open(tls_port))
    return p


def lines(out):
    try:
        with open(out) as f:
            return f.read().splitlines()
    except FileNotFoundError:
        return []


def check(folder, name, pcap, port, tls_port, cert, out):
    for transport in ("tcp", "tls", "udp"):
        before = len(lines(out))
        kit.tapir(folder, sink(transport, tls_port if transport == "tls" else port, cert), pcap)
        kit.wait_for(f"{name}: {COUNT} messages over {transport}", lambda: len(lines(out)) - before >= COUNT)
        got, ids = [], set()
        for line in lines(out)[before:]:
            m = re.fullmatch(r"(\S+) (\S+) (\S+) (\S+) \[(.*)\] ?(\{.*\})", line)
            assert m, line
            assert m.group(1, 2, 3, 4) == ("local3.warning", "sensor-1", "tapir", "alert"), line
            record = json.loads(m.group(6))
            ids.add(record["event_id"])
            assert record["event_id"] in m.group(5), line
            got.append(record["pcap_cnt"])
        kit.check_all(got, COUNT)
        assert len(ids) == COUNT


def test_lines_over_tls(folder, pcap, cert, key):
    """A TLS server with our certificate; a client that doesn't trust it must not send anything."""
    port, out = kit.free_port(), folder.file("s_server.out")
    with open(out, "wb") as f:
        server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", cert, "-key", key, "-quiet"],
                                  stdout=f, stderr=subprocess.DEVNULL, stdin=subprocess.PIPE)
    folder.running.append(server)
    time.sleep(0.5)
    lines_sink = f"""  - name: lines
    filetype: tcp
    types: [alert]
    shutdown-timeout: 1
    tcp:
      server: localhost:{port}
      tls: {{ca-file: %s}}
"""
    said = kit.tapir(folder, lines_sink % "/etc/ssl/certs/ca-certificates.crt" if os.path.exists(
        "/etc/ssl/certs/ca-certificates.crt") else lines_sink % folder.file("other.pem", open(cert).read()), pcap)
    if os.path.exists("/etc/ssl/certs/ca-certificates.crt"):
        assert "certificate verify failed" in said and lines(out) == [], said
    kit.tapir(folder, lines_sink % cert, pcap)
    kit.wait_for("lines", lambda: len(lines(out)) >= COUNT)
    kit.check_all(kit.numbers(json.loads(x) for x in lines(out)), COUNT, duplicates=1)


kit.need("openssl")
os.environ["PATH"] += ":/usr/sbin"
tested = []
with kit.Folder() as where:
    packets = kit.capture(where.file("alerts.pcap"), COUNT)
    pem, private = certificate(where)
    test_lines_over_tls(where, packets, pem, private)
    if shutil.which("rsyslogd"):
        plain, secure = free_both(), kit.free_port()
        rsyslog(where, plain, secure, pem, private, where.file("rsyslog.out"))
        check(where, "rsyslog", packets, plain, secure, pem, where.file("rsyslog.out"))
        tested.append("rsyslog")
    # Debian lets only one of the two be installed; SYSLOG_NG_ROOT is where the other has been unpacked.
    unpacked = os.environ.get("SYSLOG_NG_ROOT")
    daemon = f"{unpacked}/usr/sbin/syslog-ng" if unpacked else shutil.which("syslog-ng")
    if daemon and os.path.exists(daemon):
        plain, secure = free_both(), kit.free_port()
        syslog_ng(where, daemon, unpacked, plain, secure, pem, private, where.file("ng.out"))
        check(where, "syslog-ng", packets, plain, secure, pem, where.file("ng.out"))
        tested.append("syslog-ng")
if not tested:
    kit.skip("neither rsyslog nor syslog-ng is installed")
print("tested with", *tested)
