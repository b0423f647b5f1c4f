#!/usr/bin/env python3
"""./run bench [name]: measures in one run, beside a reference. Nothing here passes or fails: it prints.

  query      instant and range queries through globalview over canned backends (nginx), beside nginx directly;
             then 1,000 configured clusters
  plan       what a query over 2, 16 and 128 clusters costs beside the clusters' own time, and which of them it asks
  promql     the PromQL engine beside a real Prometheus with the same data
  ingest     remote write into globalview beside Prometheus and VictoriaMetrics: samples per CPU second, memory, disk,
             time to restart; BENCH_SERIES=10000 is quick, BENCH_ALONE=1 leaves the others out
  codec      query JSON (MB/s), XOR chunks (ns a sample) and remote read, on one thread
"""
import pathlib
import subprocess
import sys

import bench_ingest
import bench_plan
import bench_query

try:
    import bench_promql
except ImportError:
    bench_promql = None


PROGRAMS = pathlib.Path(__file__).resolve().parents[1] / "build/release/bench"


def codec():
    for program in ("bench_codec", "bench_chunk", "bench_remote_read"):
        subprocess.run([PROGRAMS / program], check=True)


def ingest():
    subprocess.run([PROGRAMS / "bench_receive"], check=True)
    subprocess.run([PROGRAMS / "bench_forward"], check=True)
    bench_ingest.main()


def main():
    names = sys.argv[1:] or ["query", "plan"] + (["promql"] if bench_promql else []) + ["ingest", "codec"]
    benches = {"query": bench_query.main, "plan": bench_plan.main, "promql": bench_promql and bench_promql.main,
               "ingest": ingest, "codec": codec}
    for name in names:
        if not benches.get(name):
            sys.exit(f"bench: unknown name '{name}': {', '.join(n for n in benches if benches[n])}")
        benches[name]()


if __name__ == "__main__":
    main()
