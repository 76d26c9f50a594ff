"""What all stages cost from recorded generations to the release, against one copy of those rows.

    python tests/bench/curate.py [--rows N] [--whole N] [--quick] [--json] [--kind KIND]
                                 [--generations FOLDER] [--made FILE] [--workers]

Makes the input by perturbing the real generations in FOLDER (see `perturbed.py`) and builds it as a
person would (`omi2 build curate.toml --teacher replay:FILE`: all of the paper's rules, and the
packaged index), once more with nothing changed, and anew with one process, whose shards
must be the same; copies the same file with Polars (scan, sink, zstd 3), before and after. `--whole
14000000` (or `--made FILE`, made before) adds one build of so many rows, its funnel, and what a row
of it costs against one of the first size. `--workers` builds `--rows` rows of the first kind with
1, 2 and 4 processes instead, and tells what part of the wall time shrinks with their number.

Costs are CPU-seconds of the whole process tree, so that other work on the machine changes them less
than wall time; the peer's is the mean of its two. Memory is the resident memory of all processes
together (pages that they share counted for each), spill the largest size of the run directory.
`--quick` takes 30,000 rows, for which starting processes is most of the cost. The filter rules
alone are measured against `datasets` doing map and filter with `omi2.rules.judge`.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import perturbed
from build import _resident, _tree

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "generations"
PEER = """
import sys, polars as pl
pl.scan_parquet(sys.argv[1]).sink_parquet(sys.argv[2], compression="zstd", compression_level=3)
"""
KINDS = {
    "55% kept": (perturbed.Shares(), 2.5),
    "100% kept": (perturbed.ALL_KEPT, 3.5),
    "symbolic": (perturbed.SYMBOLIC, 5.0),
}
KEYS = 14_000_000
RECIPE = Path(__file__).with_name("curate.toml")
PART = 100_000
LIMITS = {"wall": 600.0, "memory": 4.0, "spill": 15.0}
"""Seconds, GiB and GiB: what the build of all rows may take."""


def measure(command: list[str], folder: Path) -> dict[str, float]:
    """Wall and CPU seconds of a command and its children; its memory and run directory at most."""
    before, began = os.times(), time.monotonic()
    with open(folder / "log", "a", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    memory, spill, looked = 0, 0, 0.0
    while process.poll() is None:
        memory = max(memory, sum(map(_resident, _tree(process.pid))))
        if time.monotonic() - looked > 1.0:
            looked = time.monotonic()
            spill = max(spill, _size(folder / "omi2-run"))
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{command} failed: see {folder / 'log'}")
    after = os.times()
    cpu = sum(after[2:4]) - sum(before[2:4])
    return {
        "wall": time.monotonic() - began,
        "cpu": cpu,
        "memory": memory / 2**30,
        "spill": spill / 2**30,
    }


def _size(folder: Path) -> int:
    """What lies in a folder; what a build takes away meanwhile counts for nothing."""
    total = 0
    for at, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(at, name)).st_size
    return total


class Printer:
    """One line a figure."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def __call__(
        self,
        figure: str,
        value: float,
        unit: str,
        wanted: float | None,
        peer: str = "",
        peer_value: float = 0.0,
    ) -> None:
        ratio = value / peer_value if peer_value else None
        ok = wanted is None or (ratio if unit == "CPU s" and ratio else value) <= wanted
        line = {
            "figure": figure, "value": round(value, 3), "unit": unit, "peer": peer,
            "peer_value": round(peer_value, 3), "ratio": ratio and round(ratio, 2),
            "wanted": wanted, "ok": ok,
        }  # fmt: skip
        if self.as_json:
            print(json.dumps(line), flush=True)
        else:
            tail = f"  {ratio:.2f}x {peer}" if ratio else ""
            goal = "" if wanted is None else f"  (wanted {wanted}: {'ok' if ok else 'MISSED'})"
            print(f"{figure:<52}{value:>10.2f} {unit}{tail}{goal}", flush=True)


def build(real: perturbed.Base, kind: str, rows: int, scratch: Path, told: Printer) -> float:
    """One input of a kind, through all stages; returns the CPU microseconds of a row."""
    shares, wanted = KINDS[kind]
    folder = scratch / kind.replace(" ", "_").replace("%", "")
    folder.mkdir()
    file = folder / "made.parquet"
    perturbed.write(real, file, rows, shares)
    copy = [sys.executable, "-c", PEER, str(file), "copy.parquet"]
    command = command_for(file, rows, folder)
    first = measure(copy, folder)
    made = measure(command, folder)
    last = measure(copy, folder)
    peer = (first["cpu"] + last["cpu"]) / 2
    manifest = json.loads((folder / "omi2" / "manifest.json").read_text(encoding="utf-8"))
    name = f"{rows:,} rows, {kind}"
    told(f"{name}: rows kept", 100 * manifest["rows"] / rows, "%", None)
    told(f"{name}: all stages", made["cpu"], "CPU s", wanted, "Polars scan -> sink", peer)
    told(f"{name}: all stages, a row", 1e6 * made["cpu"] / rows, "CPU us", None)
    told(f"{name}: wall", made["wall"], "s", None, "Polars scan -> sink", last["wall"])
    told(f"{name}: memory of all processes", made["memory"], "GiB", 4.0)
    told(f"{name}: run directory", made["spill"], "GiB", 15.0)
    again = measure(command, folder)
    told(f"{name}: second run, nothing changed, wall", again["wall"], "s", 2.0)
    told(f"{name}: second run, nothing changed", again["cpu"], "CPU s", None)
    shards = digests(folder)
    alone = [
        *command_for(file, rows, folder, workers=1),
        "--out",
        "other",
        "--run",
        "other-run",
    ]
    measure(alone, folder)
    told(f"{name}: shards that differ with one process", differing(shards, folder / "other"), "", 0)
    shutil.rmtree(folder)
    return 1e6 * made["cpu"] / rows


def command_for(file: Path, rows: int, folder: Path, *, workers: int = 0) -> list[str]:
    """The build of a file, a part for every 100,000 rows, by so many processes (0: the cores)."""
    recipe = folder / f"curate{workers or ''}.toml"
    told = f"workers = {workers}\nparts = {max(2, rows // PART)}"
    recipe.write_text(RECIPE.read_text().replace("parts = 2", told))
    return [sys.executable, "-m", "omi2", "build", str(recipe), "--teacher", f"replay:{file}"]


def digests(folder: Path) -> dict[str, str]:
    """The shards' sha256, by the manifest of the release."""
    release = folder if folder.name == "other" else folder / "omi2"
    files = json.loads((release / "manifest.json").read_text(encoding="utf-8"))["files"]
    return {name: entry["sha256"] for name, entry in files.items() if name.startswith("data/")}


def differing(shards: dict[str, str], other: Path) -> int:
    """How many shards are not the same in another release."""
    return len(set(shards.items()) ^ set(digests(other).items()))


def grow(real: perturbed.Base, rows: int, scratch: Path, told: Printer) -> None:
    """The same build by 1, 2 and 4 processes: wall time as `alone + shared / processes`."""
    folder = scratch / "workers"
    folder.mkdir()
    file = folder / "made.parquet"
    perturbed.write(real, file, rows, KINDS["55% kept"][0])
    walls = {}
    for workers in (1, 2, 4):
        names = ["--out", f"omi2-{workers}", "--run", "omi2-run"]
        made = measure([*command_for(file, rows, folder, workers=workers), *names], folder)
        walls[workers] = made["wall"]
        told(f"{rows:,} rows, {workers} processes: wall", made["wall"], "s", None)
        told(f"{rows:,} rows, {workers} processes", made["cpu"], "s (CPU)", None)
        told(f"{rows:,} rows, {workers} processes: memory of all", made["memory"], "GiB", 4.0)
        shutil.rmtree(folder / "omi2-run")
    shared = 2 * (walls[1] - walls[2])
    told("of a row, what processes share", 1e6 * shared / rows, "us of wall time", None)
    told(
        "of a row, what one process does", 1e6 * (walls[1] - shared) / rows, "us of wall time", None
    )
    shutil.rmtree(folder)


def whole(file: Path, per_row: float, scratch: Path, told: Printer) -> None:
    """One build of a file that is there, with its funnel."""
    import polars as pl

    folder = scratch / "whole"
    folder.mkdir()
    rows = pl.scan_parquet(file).select(pl.len()).collect().item()
    made = measure(command_for(file, rows, folder), folder)
    told(f"{rows:,} rows: wall", made["wall"], "s", LIMITS["wall"])
    told(f"{rows:,} rows: all stages", made["cpu"], "s (CPU)", None)
    told(f"{rows:,} rows: memory of all processes", made["memory"], "GiB", LIMITS["memory"])
    told(f"{rows:,} rows: run directory", made["spill"], "GiB", LIMITS["spill"])
    if per_row:
        share = 1e6 * made["cpu"] / rows / per_row
        told(f"{rows:,} rows: a row's cost, of that of the first size", share, "", 1.15)
    manifest = json.loads((folder / "omi2" / "manifest.json").read_text(encoding="utf-8"))
    for stage in manifest["funnel"]:
        names = ("stage", "unit", "came", "left", "dropped")
        print(json.dumps({name: stage[name] for name in names}), flush=True)
    shutil.rmtree(folder)


def rules(real: perturbed.Base, rows: int, scratch: Path, told: Printer) -> None:
    """The filter rules alone, against `datasets` with the same rules as a function of one row."""
    import datasets

    from omi2.recipe import Filter
    from omi2.rules import judge
    from omi2.rules_column import judge_column

    datasets.disable_progress_bars()
    chosen, table = Filter(), next(perturbed.chunks(real, rows))
    table.write_parquet(scratch / "rules.parquet")

    def peer() -> int:
        data = datasets.load_dataset(
            "parquet",
            data_files=str(scratch / "rules.parquet"),
            cache_dir=str(scratch),
            split="train",
        )
        judged = data.map(lambda row: {"reason": judge(row["generation"], chosen).reason})
        return len(judged.filter(lambda row: row["reason"] == ""))

    mine, kept = timed(lambda: (judge_column(table["generation"], chosen)["reason"] == "").sum())
    theirs, same = timed(peer)
    if kept != same:
        raise SystemExit(f"the two keep {kept} and {same} rows")
    told(f"filter rules, {len(table):,} rows", mine, "CPU s", 1.0, "datasets map + filter", theirs)


def keys(count: int, told: Printer) -> None:
    """Places and tiers of so many keys, a part at a time, in a process of its own."""
    code = f"""
import resource, time, numpy as np, polars as pl
from omi2.stages.split import cuts, places
size, made, spent = 100_000, [], 0.0
dice = np.random.Generator(np.random.PCG64(1))
for part in range({count} // size):
    ids = [f"{{a:016x}}{{b:016x}}" for a, b in dice.integers(0, 2**63, (size, 2))]
    table = pl.DataFrame({{"problem_id": [ids[at // 26] for at in range(size)], "row_id": ids}})
    began = time.process_time(); made.append(places(table)); spent += time.process_time() - began
began = time.process_time()
whole = np.concatenate(made)
sizes = [n for n in (10**6, 2 * 10**6, 5 * 10**6) if n < len(whole)]
bounds = np.array(cuts(whole, sizes), np.uint64)
tiers = [np.searchsorted(bounds, part, "right") for part in made]
spent += time.process_time() - began
print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    spent, memory = map(float, done.stdout.split())
    told(f"fair split of {count:,} keys", spent, "s (CPU)", 5.0)
    told(f"fair split of {count:,} keys: memory", memory / 2**20, "GiB", 1.5)


def timed(function: Callable[[], Any]) -> tuple[float, Any]:
    """CPU-seconds of this process, and the result."""
    before = time.process_time()
    result = function()
    return time.process_time() - before, result


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--whole", type=int, metavar="N")
    parser.add_argument("--made", type=Path, metavar="FILE")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--workers", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--generations", type=Path, default=DATA)
    parser.add_argument("--scratch", type=Path)
    options = parser.parse_args()
    if not options.generations.is_dir():
        raise SystemExit(f"{options.generations} is no folder: name one with --generations")
    told = Printer(as_json=options.json)
    real = perturbed.base(options.generations)
    quick = options.quick
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        per_row = 0.0
        if options.workers:
            grow(real, 30_000 if quick else options.rows, Path(scratch), told)
            return
        for kind in options.kind or (["55% kept"] if quick else list(KINDS)):
            cost = build(real, kind, 30_000 if quick else options.rows, Path(scratch), told)
            per_row = per_row or cost
        if options.whole and not options.made:
            options.made = Path(scratch) / "made.parquet"
            perturbed.write(real, options.made, options.whole, KINDS["55% kept"][0])
        if options.made:
            whole(options.made.resolve(), per_row, Path(scratch), told)
        rules(real, 1_000 if quick else 10_000, Path(scratch), told)
        keys(KEYS // 14 if quick else KEYS, told)


if __name__ == "__main__":
    main()
