"""What this machine holds: visitors of the web page who queue at the same time.

    python -m Testing.bench.web [--visitors 20] [--real 3]

First many visitors with a pretended engine, then a few with the real one and the demo's sample.
Nothing is asserted.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

POLL_SECONDS = 1.0
STUB_SECONDS = 0.15


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--real", type=int, default=3)
    parsed = parser.parse_args()
    from HypothalamusSegLib.machine.sample import sample_scan

    scan = sample_scan().read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        measure("pretended engine", Path(folder) / "stub", parsed.visitors, scan, stub=True)
        measure("real engine", Path(folder) / "real", parsed.real, scan, stub=False)
    return 0


def measure(name: str, folder: Path, visitors: int, scan: bytes, stub: bool) -> None:
    from Testing.support.web_server import running

    with running(folder, stub=stub, stub_seconds=STUB_SECONDS) as server:
        begun = time.perf_counter()
        with ThreadPoolExecutor(visitors) as threads:
            each = list(threads.map(lambda _: visit(server, scan), range(visitors)))
        seconds = time.perf_counter() - begun
        answers = sorted(answer for visit_ in each for answer in visit_["answers"])
        memory = memory_mb(server.process.pid)
    waits = sorted(visit_["seconds"] for visit_ in each)
    states = [visit_["state"] for visit_ in each]
    print(f"{name}: {visitors} visitors, {states.count('done')} done in {seconds:.1f} s")
    print(f"  a visitor's way: median {median(waits):.1f} s, longest {waits[-1]:.1f} s")
    print(
        f"  an answer to a click or tick: median {1000 * median(answers):.0f} ms, "
        f"95th percentile {1000 * answers[int(0.95 * len(answers))]:.0f} ms"
    )
    print(f"  memory at the end: {memory}")


def visit(server, scan: bytes) -> dict:
    """Upload, start, ask every second, download; how long everything took."""
    from Testing.support.web_server import call

    answers = []

    def timed(act):
        begun = time.perf_counter()
        result = act()
        answers.append(time.perf_counter() - begun)
        return result

    client = server.visitor()
    begun = time.perf_counter()
    client.put("uploads", content=scan, headers={"X-File-Name": "head.nii.gz"}).raise_for_status()

    def state() -> str:
        return timed(lambda: call(client, "list_scans"))[0]["state"]

    while state() == "checking":
        time.sleep(POLL_SECONDS)
    timed(lambda: call(client, "start", False, "0.5"))
    while (now := state()) == "segmenting":
        time.sleep(POLL_SECONDS)
    client.get("results/everything.zip")
    return {"seconds": time.perf_counter() - begun, "answers": answers, "state": now}


def memory_mb(server: int) -> str:
    """Resident size of the server and of each of its workers (Linux)."""

    def size(process: int) -> str:
        try:
            status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
        except OSError:
            return "unknown"
        lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        now, most = (int(lines[key].split()[0]) // 1024 for key in ("VmRSS", "VmHWM"))
        return f"{now} MB (peak {most})"

    try:
        tasks = Path(f"/proc/{server}/task").iterdir()
        children = " ".join(
            (task / "children").read_text(encoding="utf-8") for task in tasks
        ).split()
    except OSError:
        children = []
    workers = ", ".join(size(int(child)) for child in children)
    return f"server {size(server)}; workers {workers or 'unknown'}"


if __name__ == "__main__":
    sys.exit(main())
