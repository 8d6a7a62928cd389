"""What the tidy checks share: the tree's files, and C without comments and strings."""
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# From the lowest to the highest: a folder includes only from itself and from those before it.
LAYERS = ["base", "capture", "stack/wire", "stack/track", "stack/host", "analyzers", "rules",
          "output", "sensor", "cli"]
OUTSIDE = ["tests", "bench", "include"]


# Headers that only tests include; they may need what only tests have.
TEST_HEADERS = ("check.h", "check_json.h", "testing.h")


def is_test_header(path):
    return os.path.basename(path) in TEST_HEADERS


def files(*suffixes):
    """Paths of the tree's files (not build products), sorted, relative to the root."""
    found = []
    for top in sorted({layer.split("/")[0] for layer in LAYERS} | set(OUTSIDE)):
        for folder, folders, names in os.walk(os.path.join(ROOT, top)):
            folders[:] = [f for f in folders if not f.startswith((".", "build", "__"))]
            found += [os.path.relpath(os.path.join(folder, n), ROOT) for n in names
                      if n.endswith(suffixes)]
    return sorted(found)


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def layer_of(path):
    for layer in LAYERS:
        if path.startswith(layer + "/"):
            return layer
    return None


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def code(text):
    """The text with comments and literals blanked; line numbers stay."""
    def blank(m):
        s = m.group(0)
        if s.startswith("/"):
            return " " + "\n" * s.count("\n")
        return s[0] + " " * (len(s) - 2) + s[-1]
    return TOKEN.sub(blank, text)


def includes(text):
    """(line, name, is_system) of each #include."""
    for number, line in enumerate(text.split("\n"), 1):
        m = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if m:
            yield number, m.group(2), m.group(1) == "<"


def exceptions(name):
    """Lines of tests/tidy/NAME, without comments: a list that may only shrink."""
    path = os.path.join(ROOT, "tests/tidy", name)
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as f:
        lines = [line.split("#")[0].strip() for line in f]
    return [line for line in lines if line]


def finish(problems):
    for p in problems:
        print(p)
    if problems:
        print(f"{len(problems)} to fix")
    sys.exit(1 if problems else 0)


def run(args, **kw):
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          cwd=ROOT, check=False, **kw)
