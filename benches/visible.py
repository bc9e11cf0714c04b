#!/usr/bin/env python3
"""How long after a sample is acknowledged a query has it: visible.py URL [TIMES]. Each time one sample, and then a query after
the other until its value is there; what is printed has that query in it."""

import json
import sys
import time
import urllib.request

from replay import HEADERS, series, snappy


def main(url, times=300):
    waits, first = [], 0
    for n in range(times):
        ms = int(time.time() * 1000)
        body = snappy(series("visible", [("job", "bench")], float(n), ms))
        urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/write", body, HEADERS), timeout=30).read()
        acknowledged, asked = time.monotonic(), 0
        while True:
            asked += 1
            answer = json.load(urllib.request.urlopen(f"{url}/api/v1/query?query=visible&time={ms / 1000}", timeout=30))
            found = [float(one["value"][1]) for one in answer["data"]["result"]]
            if found == [float(n)]:
                break
        waits.append((time.monotonic() - acknowledged) * 1000)
        first += asked == 1
    waits.sort()
    at = lambda part: waits[min(int(part * len(waits)), len(waits) - 1)]
    print(f"{times} samples: p50 {at(0.5):.1f} ms, p99 {at(0.99):.1f} ms, worst {waits[-1]:.1f} ms; {first} were in the first query's answer")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
