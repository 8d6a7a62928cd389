#!/usr/bin/env python3
"""Runs the conformance suite where it lies beside the project, and holds the result against what is known.

../shared/conformance (a peer's tests: captures, rules, expected records) isn't part of the project: without it this
test is skipped. Tests that are known to fail stand in tests/conformance/known-failures; one that fails and doesn't
stand there fails this test. One that stands there and passes is named, so that the list can shrink.

  suite_test.py                   the check
  suite_test.py --update          write known-failures and docs/conformance.md from this run
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SUITE = ROOT.parent / "shared" / "conformance"
KNOWN = HERE / "known-failures"
REPORT = ROOT / "docs" / "conformance.md"
LEVEL = "8.0.7"
# The areas that matter most, first in the report.
AREAS = ["http", "dns", "tls", "flow", "rules-parse"]


def run(sensor, only=()):
    """Runs the suite, or the tests named; returns its report."""
    with tempfile.TemporaryDirectory() as tmp:
        report = os.path.join(tmp, "report.json")
        names = os.path.join(tmp, "names")
        with open(names, "w") as f:
            f.write("".join(n + "\n" for n in only))
        command = "%s run -c {config} -r {pcap} -S {rules} -l {out} {args}" % sensor
        subprocess.run([str(SUITE / "eve-conformance"), "--level", LEVEL, "--sensor", command, "-j", "2", "--timeout", "60",
                        "--report", report, "--summary", "--work", os.path.join(tmp, "work")] + (["--names", names] if only else []),
                       stdout=subprocess.DEVNULL, check=False)
        with open(report) as f:
            return json.load(f)


def failures(report):
    return {name for name, t in report["tests"].items() if t["result"] not in ("pass", "skip", "skipped")}


def known():
    if not KNOWN.exists():
        return {}
    rows = (line.split("\t", 1) for line in KNOWN.read_text().splitlines() if line and not line.startswith("#"))
    return {row[0]: row[1] if len(row) > 1 else "" for row in rows}


def without_evader(report):
    counts = {}
    for t in report["tests"].values():
        if t["result"] in ("skip", "skipped") or "http-evader" in t["tags"]:
            continue
        for tag in t["tags"]:
            row = counts.setdefault(tag, [0, 0])
            row[0] += t["result"] == "pass"
            row[1] += 1
    return counts


def markdown(report, reasons):
    tags = without_evader(report)
    out = ["# Conformance", "",
           "How tapir does on the tests of a peer's suite (suricata-verify: captures with rules and expected EVE records), at level "
           "%s. The numbers are made by `tests/conformance/suite_test.py --update`; the suite isn't part of this project." % LEVEL, "",
           "**%d of %d pass.** Crashes: %d. Time-outs: %d." %
           (report["passed"], report["passed"] + report["failed"], len(report["crashes"]), len(report["timeouts"])), "",
           "| tag (http-evader apart) | passed | of | % |", "| --- | ---: | ---: | ---: |"]
    order = sorted(tags, key=lambda t: (AREAS.index(t) if t in AREAS else len(AREAS), -tags[t][1], t))
    for tag in order:
        ok, total = tags[tag]
        out.append("| %s | %d | %d | %.0f |" % (tag, ok, total, 100.0 * ok / total))
    evader = [t for t in report["tests"].values() if "http-evader" in t["tags"] and t["result"] not in ("skip", "skipped")]
    if evader:
        ok = sum(t["result"] == "pass" for t in evader)
        out.append("| http-evader | %d | %d | %.0f |" % (ok, len(evader), 100.0 * ok / len(evader)))
    out += ["", "## What does not pass", "", "| test | tags | why |", "| --- | --- | --- |"]
    for name in sorted(failures(report)):
        t = report["tests"][name]
        why = reasons.get(name) or (t["failures"][0].split("\n")[0][:110] if t["failures"] else t["result"])
        out.append("| %s | %s | %s |" % (name, " ".join(t["tags"]), why.replace("|", "\\|").replace("<", "&lt;")))
    return "\n".join(out) + "\n"


def update(report):
    reasons = known()
    lines = ["# Tests of the conformance suite that don't pass, and why where that is known: NAME<TAB>REASON. Only shrinks."]
    for name in sorted(failures(report)):
        lines.append(name + ("\t" + reasons[name] if reasons.get(name) else ""))
    KNOWN.write_text("\n".join(lines) + "\n")
    REPORT.write_text(markdown(report, reasons))


def main():
    sensor = os.environ.get("TAPIR", str(ROOT / "build" / "tapir"))
    if not (SUITE / "eve-conformance").exists():
        print("skipped: there is no ../shared/conformance")
        return 77
    if not os.path.exists(sensor):
        print("skipped: no sensor at " + sensor)
        return 77
    try:
        import yaml  # noqa: F401  the suite needs it
    except ImportError:
        print("skipped: the suite needs python3-yaml")
        return 77
    report = run(sensor)
    if "--update" in sys.argv[1:]:
        update(report)
        return 0
    bad = failures(report)
    doubtful = (bad - known().keys()) | set(report["crashes"]) | set(report["timeouts"])
    if doubtful:                    # a loaded machine is no reason to fail: what fails twice fails
        again = run(sensor, sorted(doubtful))
        for name, t in again["tests"].items():
            if name in doubtful:
                report["tests"][name] = t
        report["crashes"] = again["crashes"] + [n for n in report["crashes"] if n not in doubtful]
        report["timeouts"] = again["timeouts"]
        bad = failures(report)
    new, gone = sorted(bad - known().keys()), sorted(known().keys() - bad)
    print("%d passed, %d failed" % (report["passed"], report["failed"]))
    for name in new:
        print("fails, and didn't: %s: %s" % (name, " ".join(report["tests"][name]["failures"])[:300]))
    if gone:
        print("pass now, to be taken from known-failures: " + " ".join(gone))
    for name in report["crashes"] + report["timeouts"]:
        print("crash or time-out: %s" % name)
    return 1 if new or report["crashes"] or report["timeouts"] else 0


if __name__ == "__main__":
    sys.exit(main())
