"""The demonstration, stage by stage: wall and processor seconds, and the share of the whole.

Run it as ``python benchmarks/bench_demo.py``. The limit to compare with is the minute that the whole job may
take after installation; interpreter and imports are counted in the first stage that needs them.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rnc_epi.main_jobs import demo

LIMIT_SECONDS = 60.0


def main() -> None:
    """Print one line a stage."""
    rows: list[tuple[str, float, float]] = []

    def progress(stage: str) -> Callable[[], None]:
        wall, processor = time.perf_counter(), time.process_time()
        return lambda: rows.append((stage, time.perf_counter() - wall, time.process_time() - processor))

    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        demo(Path(folder) / "demo", progress=progress)
    whole = time.perf_counter() - start
    print("| stage | wall s | processor s | share |")
    print("|---|---|---|---|")
    for stage, wall, processor in rows:
        print(f"| {stage} | {wall:.1f} | {processor:.1f} | {wall / whole:.0%} |")
    print(f"| whole job | {whole:.1f} | | {whole / LIMIT_SECONDS:.0%} of the limit |")


if __name__ == "__main__":
    main()
