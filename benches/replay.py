#!/usr/bin/env python3
"""Scrapes of one target, as if they were fifteen seconds apart and the last one had been now.

replay.py remote-write FOLDER URL    sends them by Prometheus' remote write 1, a scrape a request
replay.py openmetrics FOLDER         prints them as OpenMetrics with times, as `promtool tsdb create-blocks-from` reads it

Both print how many samples there are, to the standard error."""

import re
import struct
import sys
import time
import urllib.request
from pathlib import Path

EVERY_MS = 15_000
LINE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ESCAPES = {"\\n": "\n", '\\"': '"', "\\\\": "\\"}
HEADERS = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0"}
TARGET = [("instance", "localhost:9100"), ("job", "node")]


def scrapes(folder):
    """The time in milliseconds and the samples of each scrape, in order."""
    files = sorted(Path(folder).iterdir(), key=lambda file: int(file.stem))
    first = int(time.time() * 1000) - EVERY_MS * len(files)
    for number, file in enumerate(files):
        samples = []
        for line in file.read_text().splitlines():
            found = None if line.startswith("#") else LINE.match(line)
            if found:
                labels = [(name, re.sub(r"\\.", lambda e: ESCAPES[e[0]], text)) for name, text in LABEL.findall(found[2] or "")]
                samples.append((found[1], sorted(labels + TARGET), float(found[3])))
        yield first + EVERY_MS * (number + 1), samples


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def series(name, labels, value, ms):
    pairs = [("__name__", name)] + labels
    sent = b"".join(field(1, field(1, n.encode()) + field(2, v.encode())) for n, v in pairs)
    sample = b"\x09" + struct.pack("<d", value) + b"\x10" + varint(ms)
    return field(1, sent + field(2, sample))


def snappy(data):
    """Literals only: what it takes on the wire is not measured."""
    out = bytearray(varint(len(data)))
    for at in range(0, len(data), 65536):
        part = data[at:at + 65536]
        out += b"\xf4" + struct.pack("<H", len(part) - 1) + part
    return bytes(out)


def remote_write(folder, url):
    count = 0
    for ms, samples in scrapes(folder):
        body = snappy(b"".join(series(*sample, ms) for sample in samples))
        urllib.request.urlopen(urllib.request.Request(url, body, HEADERS), timeout=30).read()
        count += len(samples)
    return count


def escaped(text):
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def openmetrics(folder):
    """A family's samples must stand together."""
    lines = {}
    for ms, samples in scrapes(folder):
        for name, labels, value in samples:
            text = ",".join(f'{n}="{escaped(v)}"' for n, v in labels)
            lines.setdefault(f"{name}{{{text}}}", []).append(f"{value!r} {ms / 1000}")
    for key, points in lines.items():
        print("\n".join(f"{key} {point}" for point in points))
    print("# EOF")
    return sum(map(len, lines.values()))


if __name__ == "__main__":
    what = {"remote-write": remote_write, "openmetrics": openmetrics}[sys.argv[1]]
    print(what(*sys.argv[2:]), file=sys.stderr)
