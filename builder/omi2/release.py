"""The release: the folder that `load_dataset("omi2")` reads and `omi2-hub` publishes.

    omi2/
      README.md                 the dataset card: every number computed from the manifest
      data/tier*.parquet        the rows, nested tiers
      reports/contamination.md  what was compared with what, and every match (ids, no texts)
      reports/funnel.json       what came, left and was dropped at every stage
      reports/, pictures/, croissant.json    what else `omi2.card` writes
      manifest.json             everything above with size and sha256, and where it came from

It is assembled beside the old one, synced, and put in its place by two renames: a reader finds the
old release, for a moment none, or the new one, and never half of one. Shards are hard links to the
run's where the file system has them.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from omi2 import __version__, card, rows
from omi2.answers import grader
from omi2.card.known import named
from omi2.card.markdown import CARDS
from omi2.errors import UsageError
from omi2.files import describe, read_json, sha256, sync_folder, write_json
from omi2.fingerprint import code_version
from omi2.recipe import CHANGES_NO_ROW, Recipe, as_table
from omi2.run import STAGE_NUMBERS, Report, Run, claim

MARK = {"omi2": "release", "format": 1}
WRITTEN = "release.json"
"""In the run: what the last release was made from, and its manifest's hash."""
LICENCE = "cc-by-4.0"


def folder(out: Path, run: Path) -> Path:
    """Where the release goes, links followed. Raises UsageError where it and the run would mix."""
    out, run = out.resolve(), run.resolve()
    if out == run or out in run.parents or run in out.parents:
        raise UsageError(f"--out {out} and --run {run} lie inside each other: keep them apart")
    if not out.name:
        raise UsageError(f"--out {out} is the root of the file system: name a folder")
    if not out.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {out.parent} to write it in")
    return out


def lock_file(out: Path) -> Path:
    """The file that one build at a time holds while it writes this release."""
    return _beside(out, "lock")


def claim_folder(out: Path) -> None:
    """Refuse a folder that holds something else; mend a swap that a kill cut short."""
    old, new = _beside(out, "old"), _beside(out, "new")
    if old.is_dir() and not out.exists():
        os.rename(old, out)
    for left in (old, new):
        if left.is_dir():
            shutil.rmtree(left)
    claim(out, "manifest.json", MARK, "release", "--out")


def write(recipe: Recipe, run: Run, reports: dict[str, Report], out: Path) -> dict[str, Any]:
    """Write the release of a complete run, unless it stands already, and return its manifest."""
    told = _made_from(recipe, run)
    known = read_json(run.path / WRITTEN)
    if isinstance(known, dict) and known.get("made_from") == told:
        stands = read_json(out / "manifest.json")
        if stands and sha256(out / "manifest.json") == known["manifest"] and _whole(run, out):
            manifest: dict[str, Any] = stands
            return manifest
    manifest = _write(recipe, run, reports, out)
    written = {"made_from": told, "manifest": sha256(out / "manifest.json")}
    write_json(run.path / WRITTEN, written)
    return manifest


def _made_from(recipe: Recipe, run: Run) -> str:
    """All that a release depends on, as one hash: the stages, the recipe, the code, the pages."""
    stages = [sha256(run.stage(name) / "manifest.json") for name in STAGE_NUMBERS]
    pages = {p.name: sha256(p) for p in sorted(CARDS.iterdir()) if p.is_file()}
    told = [stages, as_table(recipe), code_version("omi2.release"), pages, __version__, grader()]
    libraries = [version(name) for name in ("polars", "pyarrow")]
    return hashlib.sha256(json.dumps([told, libraries], sort_keys=True).encode()).hexdigest()


def _write(recipe: Recipe, run: Run, reports: dict[str, Report], out: Path) -> dict[str, Any]:
    new = _beside(out, "new")
    (new / "data").mkdir(parents=True)
    _take_shards(run, new / "data")
    facts = _facts(recipe, run, reports, new)
    (new / "reports").mkdir()
    write_json(new / "reports" / "funnel.json", facts["funnel"])
    known = _shards(run)
    card.write(new, facts, _matches(run), known)
    names = sorted(p.relative_to(new).as_posix() for p in new.rglob("*") if p.is_file())
    files = {name: known.get(name) or describe(new / name) for name in names}
    manifest = {**facts, "files": files}
    write_json(new / "manifest.json", manifest)
    if _same(run, new, out):
        shutil.rmtree(new)
        return manifest
    old = _beside(out, "old")
    if out.exists():
        os.rename(out, old)
    os.rename(new, out)
    sync_folder(out.parent)
    shutil.rmtree(old, ignore_errors=True)
    return manifest


def split_files(tiers: Iterable[int], names: Iterable[str]) -> dict[str, list[str]]:
    """Each split's files, from `tierT-...` names: a size beyond the release lists all of them."""
    names = sorted(names)
    splits = {"train": names}
    for at, size in enumerate(sorted(tiers)):
        splits[f"train_{short(size)}"] = [n for n in names if int(n[4 : n.index("-")]) <= at]
    return splits


def short(size: int) -> str:
    """1000000 as 1M, 500 as 500."""
    for unit, mark in ((1_000_000, "M"), (1_000, "K")):
        if size % unit == 0:
            return f"{size // unit}{mark}"
    return str(size)


def _facts(recipe: Recipe, run: Run, reports: dict[str, Report], new: Path) -> dict[str, Any]:
    """What the card and the manifest say: all of it from reports and files."""
    shards = {name.removeprefix("data/"): entry for name, entry in sorted(_shards(run).items())}
    splits = {
        split: {
            "rows": sum(shards[name]["rows"] for name in found),
            "bytes": sum(_text_bytes(new / "data" / name) for name in found),
            "files": [f"data/{name}" for name in found],
        }
        for split, found in split_files(recipe.split.tiers, shards).items()
    }
    counted = named(reports["split"].facts, "split.facts.")
    sources = sorted(name.partition(" ")[2] for name in counted if name.startswith("rows "))
    checked = reports["decontaminate"]
    overlaps = {why: n for why, n in checked.dropped.items() if why.startswith("overlap_")}
    contaminated = sum(n for why, n in overlaps.items() if why != "overlap_unknown")
    return {
        **MARK,
        "name": recipe.name,
        "rows": splits["train"]["rows"],
        "schema": [[field.name, str(field.type)] for field in rows.ROWS],
        "splits": splits,
        "sources": {
            name: {"problems": counted[f"problems {name}"], "rows": counted[f"rows {name}"]}
            for name in sources
        },
        "teachers": {
            name.partition(" ")[2]: count
            for name, count in counted.items()
            if name.startswith("teacher ")
        },
        "origins": named(reports["seed"].details, "seed.details.")["origins"],
        "decontamination": {
            **checked.details,
            "verdicts": {
                "clean": checked.left.get("clean", 0),
                "contaminated": contaminated,
                "unknown": checked.dropped.get("overlap_unknown", 0),
            },
            "released_unknown": 0 if recipe.decontaminate.enabled else splits["train"]["rows"],
        },
        "funnel": [{"stage": name, **asdict(report)} for name, report in reports.items()],
        "recipe": _told(recipe),
        "grader": grader(),
        "versions": {"omi2": __version__, **{n: version(n) for n in ("polars", "pyarrow")}},
        "licence": LICENCE,
    }


def _told(recipe: Recipe) -> dict[str, Any]:
    """The recipe as the world may see it: no address, no path, and nothing that changes no row."""
    table: dict[str, Any] = as_table(recipe)
    for name in CHANGES_NO_ROW:
        del table[name]
    for name, pool in (("teacher", recipe.teacher), ("judge", recipe.judge)):
        kinds = [spec.partition(":")[0] for spec in pool.endpoints]
        table[name] = {"endpoints": kinds, "model": pool.model}
    if recipe.decontaminate.judge != "judge":
        del table["judge"]
    for source in (*table["seed"]["sources"], *table["decontaminate"]["benchmarks"]):
        source["file"] = Path(source["file"]).name
    table["split"]["match"] = Path(recipe.split.match).name
    table["decontaminate"]["index"] = [Path(name).name for name in recipe.decontaminate.index]
    if Path(recipe.decontaminate.embed).is_dir():
        table["decontaminate"]["embed"] = Path(recipe.decontaminate.embed).resolve().name
    return table


def _take_shards(run: Run, data: Path) -> None:
    """Link or copy the run's shards, which the build has just found whole."""
    for name in _shards(run):
        source = run.stage("split") / name
        try:
            os.link(source, data / source.name)
        except OSError:
            shutil.copyfile(source, data / source.name)


def _shards(run: Run) -> dict[str, dict[str, Any]]:
    """The run's shards, as data/NAME, with their sizes, rows and sha256."""
    manifest = run.manifest("split") or {"files": {}}
    return {n: entry for n, entry in manifest["files"].items() if n.startswith("data/")}


def _matches(run: Run) -> list[dict[str, Any]]:
    """Every problem that was dropped for overlap: ids and scores, no texts."""
    return [
        {"problem_id": row["problem_id"], "reason": row["reason"], "detail": row["detail"]}
        for part in range(run.parts)
        for row in run.read("decontaminate", part, dropped=True).iter_rows(named=True)
        if row["reason"].startswith("overlap_")
    ]


def _text_bytes(path: Path) -> int:
    """The uncompressed bytes of a shard."""
    metadata = pq.read_metadata(path)
    return sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))


def _same(run: Run, new: Path, out: Path) -> bool:
    """Whether `out` holds just this release already, whole."""
    manifest = out / "manifest.json"
    same = manifest.is_file() and manifest.read_bytes() == (new / "manifest.json").read_bytes()
    return same and _whole(run, out)


def _whole(run: Run, out: Path) -> bool:
    """Whether every file of a release is what its manifest says; one linked to the run's is."""
    files = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["files"]
    return all(
        (out / name).is_file()
        and (_linked(run.stage("split") / name, out / name) or describe(out / name) == entry)
        for name, entry in files.items()
    )


def _linked(source: Path, file: Path) -> bool:
    return source.is_file() and os.path.samefile(source, file)


def _beside(out: Path, mark: str) -> Path:
    return out.with_name(f".{out.name}.omi2-{mark}")
