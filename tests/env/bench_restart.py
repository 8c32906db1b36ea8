"""How soon a controller works that starts where there are many objects, and how long its metrics take."""

from __future__ import annotations

import time
from typing import Any

from bench_environment import Bench

SCRAPES = 20


def measure(bench: Bench) -> dict[str, Any]:
    """Return the seconds from start to the first AWS call for a bucket, and the longest of some scrapes in ms.

    The measurement of the start ends with the first read that looks for drift: a reconcile has begun before it.
    """
    bench.stop_controller()
    last, begin = bench.last(), time.time()
    bench.start_controller()
    bench.wait_until_idle()
    entries = bench.journal(f"?since={last}")["entries"]
    first = min(entry["time"] for entry in entries if entry["resource"].startswith("bench-"))
    milliseconds = []
    for _ in range(SCRAPES):
        before = time.monotonic()
        text = bench.scrape()
        milliseconds.append((time.monotonic() - before) * 1000)
    return {
        "start_to_first_reconcile_s": round(first - begin, 2),
        "scrape_ms": round(max(milliseconds), 1),
        "scrape_bytes": len(text),
    }
