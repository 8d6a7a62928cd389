"""kit.py - what the SIEM tests share: captures that make one alert a packet, servers on loopback that each test
starts and stops itself, and tapir with a sink."""
import gzip
import http.server
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

TAPIR = os.environ.get("TAPIR", "build/tapir")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def need(*programs):
    for p in programs:
        if shutil.which(p, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
            skip(f"{p} isn't installed")


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = condition()
        if got:
            return got
        time.sleep(0.02)
    raise AssertionError(f"{what} didn't happen within {seconds} s")


def port_open(port):
    with socket.socket() as s:
        s.settimeout(0.5)
        return s.connect_ex(("127.0.0.1", port)) == 0


class Folder:
    """A folder that goes away with the test, and ends what was started in it."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="tapir-siem-")
        self.running = []
        return self

    def __exit__(self, *_):
        for p in self.running:
            if p.poll() is None:
                p.kill()
            p.wait()
        shutil.rmtree(self.path, ignore_errors=True)

    def file(self, name, text=None):
        path = os.path.join(self.path, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if text is not None:
            with open(path, "w") as f:
                f.write(text)
        return path

    def start(self, *command, **more):
        with open(os.path.join(self.path, "out-" + os.path.basename(command[0])), "ab") as log:
            p = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, **more)
        self.running.append(p)
        return p


def capture(path, count, first=1):
    """count UDP packets, each of a conversation of its own: one alert each, told apart by pcap_cnt."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i in range(first, first + count):
            payload = b"n%09d" % i
            udp = struct.pack(">HHHH", 1024 + i % 60000, 53535, 8 + len(payload), 0) + payload
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), i & 0xffff, 0, 64, 17, 0,
                             bytes([10, 1, i >> 8 & 255, i & 255]), bytes([10, 2, 0, 1]))
            total = sum(struct.unpack(">10H", ip))
            total = (total & 0xffff) + (total >> 16)
            ip = ip[:10] + struct.pack(">H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + ip[12:]
            frame = bytes.fromhex("020000000002020000000001") + b"\x08\x00" + ip + udp
            f.write(struct.pack("<IIII", 1700000000 + i // 1000, i % 1000 * 1000, len(frame), len(frame)) + frame)
    return path


RULES = 'alert udp any any -> any 53535 (msg:"test \\"quoted\\" alert"; content:"n"; sid:1; rev:1; ' \
        'metadata:mitre_technique_id T1071, signature_severity Major;)\n'


def config(sinks, more=""):
    """sinks: YAML of the list's members."""
    return f"%YAML 1.1\n---\nsensor-name: sensor-1\noutputs: []\nstats:\n  enabled: no\n{more}\nsinks:\n{sinks}\n"


def tapir_command(folder, sinks, pcap, *more, conf_more=""):
    conf = folder.file("tapir.yaml", config(sinks, conf_more))
    rules = folder.file("test.rules", RULES)
    logs = os.path.join(folder.path, "logs")
    os.makedirs(logs, exist_ok=True)
    return [TAPIR, "run", "-c", conf, "-S", rules, "-r", pcap, "-l", logs, *more]


def tapir(folder, sinks, pcap, *more, conf_more="", seconds=120):
    done = subprocess.run(tapir_command(folder, sinks, pcap, *more, conf_more=conf_more), capture_output=True, text=True,
                          timeout=seconds)
    assert done.returncode == 0, done.stderr
    return done.stderr


def numbers(records):
    """The alerts' pcap_cnt, in order."""
    return [r["pcap_cnt"] for r in records if r["event_type"] == "alert"]


def check_all(got, count, duplicates=0.0):
    """Every alert 1..count is there; duplicates: what part may be there twice."""
    missing = set(range(1, count + 1)) - set(got)
    assert not missing, f"{len(missing)} of {count} alerts are missing: {sorted(missing)[:10]}"
    assert not set(got) - set(range(1, count + 1)), "alerts that nobody sent"
    twice = len(got) - len(set(got))
    assert twice <= duplicates * count, f"{twice} of {count} alerts came more than once"


class Redis:
    def __init__(self, folder, port=None):
        self.folder, self.port = folder, port or free_port()
        self.start()

    def start(self, *more):
        self.process = self.folder.start("redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir",
                                         self.folder.path, "--save", "", "--appendonly", "yes", "--appendfsync", "no", *more)
        wait_for("redis", lambda: self.ready())

    def ready(self):
        return port_open(self.port) and self.ask("PING") == "PONG"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def ask(self, *words):
        """One command, one reply."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as s:
            s.sendall(f"*{len(words)}\r\n".encode() + b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words))
            return self._reply(s.makefile("rb"))

    def _reply(self, f):
        line = f.readline().rstrip(b"\r\n")
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return "error " + rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else f.read(int(rest) + 2)[:-2].decode()
        return [self._reply(f) for _ in range(int(rest))]


class Bulk:
    """An HTTP endpoint that speaks as Elasticsearch, Splunk, Loki or a plain collector would, and fails on demand.

    plan: a function of the request's number that names what happens to it: ok, 429, 503, partial (a third of the
    items 429), refuse (one item 400), hang, reset (before anything is taken), lost (taken, but no answer), slow, 413."""

    def __init__(self, api, plan=lambda n: "ok", port=0):
        self.api, self.plan = api, plan
        self.requests = 0
        self.documents = []                     # in the order in which they were taken
        self.ids = {}
        self.headers = []
        self.lock = threading.Lock()
        self.serve(port)

    def serve(self, port):
        bulk = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_POST(self):
                try:
                    bulk.handle(self)
                except (ConnectionError, BrokenPipeError):
                    self.close_connection = True

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def restart(self):
        self.serve(self.port)

    def answer(self, h, status, body):
        data = b"" if status == 204 else json.dumps(body).encode()
        h.send_response(status)
        h.send_header("Content-Length", str(len(data)))
        h.end_headers()
        h.wfile.write(data)

    def abort(self, h):
        h.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        h.close_connection = True
        h.connection.close()

    def parse(self, body):
        if self.api == "elasticsearch":
            lines = body.decode().rstrip("\n").split("\n")
            return [(json.loads(a)["create"]["_id"], json.loads(d)) for a, d in zip(lines[::2], lines[1::2])]
        if self.api == "loki":
            return [(None, json.loads(v[1])) for s in json.loads(body)["streams"] for v in s["values"]]
        docs = [json.loads(line) for line in body.decode().splitlines()]
        if self.api == "splunk":
            docs = [d["event"] for d in docs]
        return [(d.get("event_id"), d) for d in docs]

    def take(self, key, doc):
        if key is not None and key in self.ids:
            return 409
        self.ids[key] = True
        self.documents.append(doc)
        return 201

    def handle(self, h):
        body = h.rfile.read(int(h.headers["Content-Length"]))
        with self.lock:
            number = self.requests
            self.requests += 1
            self.headers.append(dict(h.headers))
        if h.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        what = self.plan(number)
        if what == "reset":
            return self.abort(h)
        if what in ("429", "503", "413"):
            return self.answer(h, int(what), {"error": what})
        if what == "hang":
            time.sleep(3)
            return self.abort(h)
        if what == "slow":
            time.sleep(0.2)
        items = []
        with self.lock:
            for i, (key, doc) in enumerate(self.parse(body)):
                status = 429 if what == "partial" and i % 3 == 0 else 400 if what == "refuse" and i == 1 else self.take(key, doc)
                items.append({"create": {"_id": key, "status": status}})
                if status >= 400 and status != 409:
                    items[-1]["create"]["error"] = {"type": "x", "reason": "because } of \"this\""}
        if what == "lost":
            return self.abort(h)
        if self.api == "elasticsearch":
            self.answer(h, 200, {"took": 1, "errors": True, "items": items})
        else:
            self.answer(h, 204 if self.api == "loki" else 200, {"text": "Success", "code": 0})
