"""How long a build takes and how much memory: the replay of recorded generations.

    python tests/bench/build.py [--quick] [--json] [--generations FILE.parquet]

Runs `omi2 build --teacher replay:FILE` as a person would, three times (once with --quick), and
prints medians. The peer is the least that any such build must do: read the file and write its text
once as zstd Parquet, in the same minute. Memory is the largest of the build's processes. Without
--generations, 22,040 generations are made.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from made import replay_file

PEER = """
import sys, pyarrow.parquet as pq
pq.write_table(pq.read_table(sys.argv[1]), sys.argv[2], compression="zstd")
"""


def measure(command: list[str], folder: Path) -> dict[str, float]:
    """Wall seconds, CPU seconds and peak MB of a command and all that it waits for."""
    before, began = os.times(), time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    peak = 0
    while process.poll() is None:
        peak = max(peak, *(_resident(pid) for pid in _tree(process.pid)), 0)
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{command} failed with {process.returncode}")
    after = os.times()
    cpu = (
        after.children_user + after.children_system - before.children_user - before.children_system
    )
    return {"wall": time.monotonic() - began, "cpu": cpu, "peak": peak / 2**20}


def _tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(found for child in children for found in _tree(int(child)))]


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--generations", type=Path)
    options = parser.parse_args()
    runs: dict[str, list[dict[str, float]]] = {"clean": [], "all": [], "peer": []}
    with tempfile.TemporaryDirectory() as scratch:
        file = options.generations or replay_file(Path(scratch) / "made.parquet", problems=4408)
        build = [sys.executable, "-m", "omi2", "build", "--teacher", f"replay:{file.resolve()}"]
        commands = {
            "clean": build,
            "all": [*build, "--no-decontaminate"],
            "peer": [sys.executable, "-c", PEER, str(file.resolve()), "copy.parquet"],
        }
        for turn in range(1 if options.quick else 3):
            for name, command in commands.items():
                folder = Path(scratch) / f"{name}{turn}"
                folder.mkdir()
                runs[name].append(measure(command, folder))
    middle = {
        name: {k: statistics.median(run[k] for run in found) for k in found[0]}
        for name, found in runs.items()
    }
    for name, label in (("clean", "decontaminated"), ("all", "--no-decontaminate")):
        for key, unit, wanted in (("wall", "s", 60.0), ("cpu", "s", None), ("peak", "MB", None)):
            value, peer = middle[name][key], middle["peer"][key]
            line = {
                "figure": f"replay, {label}: {key}",
                "value": round(value, 2),
                "unit": unit,
                "peer": "read the file and write it once with pyarrow",
                "peer_value": round(peer, 2),
                "ratio": round(value / peer, 2) if peer else None,
                "wanted": wanted,
                "ok": wanted is None or value < wanted,
            }
            if options.json:
                print(json.dumps(line))
            else:
                print(f"{line['figure']:<40}{line['value']:>9} {unit}  ({line['ratio']}x the peer)")


if __name__ == "__main__":
    main()
