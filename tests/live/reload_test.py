#!/usr/bin/env python3
"""Rules are loaded anew while packets flow, and nothing is missed.

The span port of sensor_test.py: curl asks nginx for a planted page again and again while the sensor gets its rules anew, by
signal and by control command in turns. Each request gives one alert, no more. RELOADS, REQUESTS and RULES (a file that is loaded
beside the planted rule, as all of ET Open) in the environment make it larger. Needs root, nginx, curl; else it is skipped.
"""
import os
import signal
import subprocess
import sys
import tempfile
import time

import sensor_test as live

RELOADS = int(os.environ.get("RELOADS", "5"))
REQUESTS = int(os.environ.get("REQUESTS", "600"))
RULES = os.environ.get("RULES")
PLANTED = ('alert http any any -> any any (msg:"planted"; flow:established,to_server; http.uri; content:"/planted/"; '
           'sid:4711; rev:1;)\n'
           # This one is half way when the answer hasn't come: what it has seen outlives a reload.
           'alert http any any => any any (msg:"planted, and not found"; http.uri; content:"/planted/"; '
           'http.stat_code; content:"404"; sid:4712; rev:1;)\n')


def clients(hub):
    """Half of the requests over lasting connections, half over one each."""
    url, half = "http://%s/planted/[1-%d]" % (live.SERVER, REQUESTS // 2), []
    for more in ((), ("-H", "Connection: close")):
        half.append(subprocess.Popen(hub.argv("cli", "curl", "-sS", "-o", "/dev/null", *more, url), stderr=subprocess.PIPE, text=True))
    return half


def status_of(pid, name):
    with open("/proc/%d/status" % pid) as f:
        return next(int(line.split()[1]) for line in f if line.startswith(name))


def watch(hub, folder):
    out, rules, log = folder + "/out", folder + "/live.rules", folder + "/log"
    os.mkdir(out)
    with open(rules, "w") as f:
        f.write(PLANTED + (open(RULES).read() if RULES else ""))
    path = folder + "/ctl.sock"
    with open(log, "w") as f:
        sensor = subprocess.Popen(hub.argv("mon", live.TAPIR, "run", "-i", "span0", "--device", "pcap", "-S", rules, "-l", out, "-v",
                                           "--set", "unix-command.filename=" + path, "--set", "detect.sgh-mpm-caching-path=" + folder + "/c"), stdout=f, stderr=f)
    eve = out + "/eve.json"
    try:
        live.wait_for("the sensor to see traffic", lambda: live.curl(hub, "http://%s/warm" % live.SERVER).returncode == 0 and
                      any(r["event_type"] == "http" for r in live.records(eve)), 60)
        before, peak = status_of(sensor.pid, "VmRSS"), 0
        running, done = clients(hub), 0
        while done < RELOADS or any(c.poll() is None for c in running):
            if done < RELOADS and done % 2:
                with open(log) as f:
                    placed = f.read().count("rules in place")
                sensor.send_signal(signal.SIGUSR2)
                live.wait_for("the reload", lambda: open(log).read().count("rules in place") > placed, 60)
            elif done < RELOADS:
                told = subprocess.run([live.TAPIR, "ctl", "-s", path, "reload-rules"], stdout=subprocess.PIPE, text=True)
                assert told.stdout.strip() == "done", told
            done += done < RELOADS
            peak = status_of(sensor.pid, "VmHWM")
            time.sleep(0.05)
        for c in running:
            assert c.wait(60) == 0, c.stderr.read()
        live.wait_for("all alerts", lambda: sum(r["event_type"] == "alert" for r in live.records(eve)) >= 2 * (REQUESTS // 2 * 2), 60)
    finally:
        if sensor.poll() is None:
            sensor.send_signal(signal.SIGINT)
        status = sensor.wait(60)
    assert status == 0, open(log).read()
    alerts = [r for r in live.records(eve) if r["event_type"] == "alert" and r["http"]["url"].startswith("/planted/")]
    counts = {sid: sum(r["alert"]["signature_id"] == sid for r in alerts) for sid in (4711, 4712)}
    assert counts == {4711: REQUESTS // 2 * 2, 4712: REQUESTS // 2 * 2}, counts
    live.account_holds([r for r in live.records(eve) if r["event_type"] == "stats"][-1]["stats"])
    print("%d reloads, %s alerts; resident before %d KiB, at most %d KiB" % (done, counts, before, peak))


def main():
    why = live.missing()
    if why:
        print("skipped: " + why)
        return 77
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with live.Hub() as hub:
            nginx = live.start_nginx(hub, folder)
            try:
                live.wait_for("nginx", lambda: live.curl(hub, "http://%s/" % live.SERVER).returncode == 0)
                watch(hub, folder)
            finally:
                nginx.terminate()
                nginx.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
