#!/usr/bin/env python3
"""A real redis-server: lists, streams, channels; killed and started again while alerts flow."""
import json
import subprocess
import time

import kit

COUNT = 3000


def sink(redis, mode, more=""):
    return f"""  - name: redis-{mode}
    filetype: redis
    types: [alert]
    batch: {{records: 200}}
    retry: {{min: 20ms, max: 200ms}}
    shutdown-timeout: 20
    redis:
      server: 127.0.0.1
      port: {redis.port}
      mode: {mode}
      key: {mode}-key
      stream-maxlen: 0
{more}"""


def test_modes(folder, redis, pcap):
    for mode in ("rpush", "list", "stream"):
        kit.tapir(folder, sink(redis, mode), pcap)
        if mode == "stream":
            rows = [dict(zip(r[1][::2], r[1][1::2])) for r in redis.ask("XRANGE", "stream-key", "-", "+")]
            records = [json.loads(r["eve"]) for r in rows]
            assert all(r["event_id"] == d["event_id"] for r, d in zip(rows, records))
        else:
            records = [json.loads(r) for r in redis.ask("LRANGE", f"{mode}-key", "0", "-1")]
        got = kit.numbers(records)
        kit.check_all(got, COUNT)
        assert got == sorted(got, reverse=mode == "list"), f"{mode}: the order changed"
        assert len({r["event_id"] for r in records}) == COUNT


def test_channel(folder, redis, pcap):
    watch = subprocess.Popen(["redis-cli", "-p", str(redis.port), "--raw", "SUBSCRIBE", "channel-key"], stdout=subprocess.PIPE,
                             text=True)
    folder.running.append(watch)
    kit.wait_for("a subscriber", lambda: redis.ask("PUBSUB", "NUMSUB", "channel-key")[1] == 1)
    kit.tapir(folder, sink(redis, "channel"), pcap)
    records = []
    while len(records) < COUNT:
        line = watch.stdout.readline()
        if line.startswith("{"):
            records.append(json.loads(line))
    kit.check_all(kit.numbers(records), COUNT)
    watch.kill()


def test_down_first(folder, redis, pcap):
    """Redis isn't there when the run ends: everything is in the spool, and goes out with the next run."""
    redis.ask("DEL", "rpush-key")
    redis.kill()
    said = kit.tapir(folder, sink(redis, "rpush").replace("timeout: 20", "timeout: 0.2"), pcap)
    assert "waits in the spool" in said, said
    redis.start()
    kit.tapir(folder, sink(redis, "rpush"), kit.capture(folder.file("one.pcap"), 1, first=COUNT + 1))
    records = [json.loads(r) for r in redis.ask("LRANGE", "rpush-key", "0", "-1")]
    got = kit.numbers(records)
    assert got == list(range(1, COUNT + 1)) + [1], f"{len(got)} alerts"      # pcap_cnt begins anew with a capture


def test_killed(folder, redis, pcap):
    redis.ask("DEL", "rpush-key")
    run = folder.start(*kit.tapir_command(folder, sink(redis, "rpush").replace("records: 200", "records: 10"), pcap))
    kit.wait_for("the first alerts", lambda: redis.ask("LLEN", "rpush-key") > 50)
    redis.kill()
    time.sleep(0.2)
    redis.start()
    assert run.wait(60) == 0
    got = kit.numbers(json.loads(r) for r in redis.ask("LRANGE", "rpush-key", "0", "-1"))
    kit.check_all(got, COUNT, duplicates=0.01)


kit.need("redis-server", "redis-cli")
with kit.Folder() as where:
    server = kit.Redis(where)
    packets = kit.capture(where.file("alerts.pcap"), COUNT)
    test_modes(where, server, packets)
    test_channel(where, server, packets)
    test_down_first(where, server, packets)
    test_killed(where, server, packets)
