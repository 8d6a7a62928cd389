#!/usr/bin/env python3
"""HTTP bulk: four kinds of servers, and what they may do to a batch."""
import os

import kit

COUNT = 1500


def sink(bulk, more="", name="bulk"):
    return f"""  - name: {name}
    filetype: http
    types: [alert]
    batch: {{records: 250}}
    retry: {{min: 20ms, max: 200ms}}
    shutdown-timeout: 20
    http:
      url: http://127.0.0.1:{bulk.port}
      api: {bulk.api}
      timeout: 1
{more}"""


def test_apis(folder, pcap):
    for api, path in (("elasticsearch", "gzip"), ("splunk", "gzip"), ("loki", "gzip"), ("ndjson", None)):
        bulk = kit.Bulk(api)
        kit.tapir(folder, sink(bulk, "      token: secret\n", name=api), pcap)
        kit.check_all(kit.numbers(bulk.documents), COUNT)
        assert kit.numbers(bulk.documents) == list(range(1, COUNT + 1)), f"{api}: the order changed"
        assert bulk.headers[0].get("Content-Encoding") == path, bulk.headers[0]
        assert bulk.headers[0]["Authorization"].endswith(" secret"), bulk.headers[0]
        doc = bulk.documents[0]
        assert doc["alert"]["signature"] == 'test "quoted" alert', doc
        assert ("@timestamp" in doc) == (api == "elasticsearch")
        bulk.stop()


def test_failures(folder, pcap):
    plans = {
        "429": lambda n: "429" if n % 3 == 1 else "ok",
        "503": lambda n: "503" if n < 4 else "ok",
        "partial": lambda n: "partial" if n % 2 == 0 else "ok",
        "hang": lambda n: "hang" if n == 2 else "ok",
        "reset": lambda n: "reset" if n in (0, 3, 4) else "ok",
        "lost": lambda n: "lost" if n in (1, 5) else "ok",
        "413": lambda n: "413" if n < 2 else "ok",
        "all": lambda n: ("ok", "429", "partial", "503", "reset", "lost", "413")[n % 7],
    }
    for name, plan in plans.items():
        bulk = kit.Bulk("elasticsearch", plan)
        kit.tapir(folder, sink(bulk, name=name), pcap)
        kit.check_all(kit.numbers(bulk.documents), COUNT)
        bulk.stop()


def test_refused(folder, pcap):
    bulk = kit.Bulk("elasticsearch", lambda n: "refuse" if n == 0 else "ok")
    said = kit.tapir(folder, sink(bulk, name="refusing"), pcap)
    got = kit.numbers(bulk.documents)
    assert len(got) == COUNT - 1 and 2 not in got, len(got)
    assert "a record was refused" in said and "because } of" in said, said
    with open(os.path.join(folder.path, "logs/spool/refusing/refused.json")) as f:
        assert '"pcap_cnt":2' in f.read()
    bulk.stop()


with kit.Folder() as where:
    packets = kit.capture(where.file("alerts.pcap"), COUNT)
    test_apis(where, packets)
    test_failures(where, packets)
    test_refused(where, packets)
