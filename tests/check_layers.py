#!/usr/bin/env python3
"""Fails where a file reaches up: a layer may include itself and the layers above it in LAYERS, no other.

Also: a header under include/ is public, one under src/<layer>/ belongs to that layer alone, and event loops,
curl and sockets stay out of the synchronous layers.
"""
import pathlib
import re
import sys

LAYERS = ["base", "model", "codec", "promql", "plan", "store", "exec",
          "loop", "net", "cluster", "ingest", "query", "api", "app"]
SYNCHRONOUS = set(LAYERS[:LAYERS.index("loop")])
ASYNC_HEADERS = re.compile(r"^(event2/|event\.h|curl/|sys/socket\.h|sys/epoll\.h)")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def faults_of(path, layer, root):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        kind, name = found.groups()
        where = f"{path.relative_to(root)}:{number}"
        if kind == "<":
            if layer in SYNCHRONOUS and ASYNC_HEADERS.match(name):
                yield f"{where}: layer {layer} is synchronous and may not include <{name}>"
            continue
        target = name.split("/")[0]
        if "/" not in name or target not in LAYERS:
            yield f'{where}: "{name}" must be written as "<layer>/<file>"'
        elif LAYERS.index(target) > LAYERS.index(layer):
            yield f'{where}: layer {layer} reaches up to "{name}"'
        elif not (root / "include" / name).exists() and not (target == layer and (root / "src" / name).exists()):
            if not (target == layer and name.endswith(".pb-c.h")):
                yield f'{where}: "{name}" is not a public header of {target}'


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    faults, files = [], 0
    for top in ("include", "src"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in (".c", ".h", ".cc"):
                continue
            files += 1
            layer = path.relative_to(root / top).parts[0]
            if layer not in LAYERS:
                faults.append(f"{path.relative_to(root)}: {layer} is no layer of the design")
                continue
            faults += faults_of(path, layer, root)
    print("\n".join(faults) if faults else f"{files} files keep to their layers")
    return 1 if faults or not files else 0


if __name__ == "__main__":
    sys.exit(main())
