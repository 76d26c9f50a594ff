"""A sample of a release's rows, and of what its run dropped, small enough to look at.

Rows: a first pass reads the narrow columns alone and notes, for every kind of row (source, share of
the votes, answer type), where its first few stand; shards are shuffled by hash, so the first are a
fair choice, and the same release gives the same sample. A second pass reads the texts of those. At
most one row group is in memory, and at most GROUPS of them are read, however large the data.

Dropped: the run directory holds every row that a stage dropped, with its reason. A few of each
reason are taken, with the texts that they are about. What was dropped for overlap with a benchmark
is told without its text: a page that quoted it would spread what decontamination looks for.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omi2_hub.errors import HubError

ROWS = 200
"""Rows on the page."""
GROUPS = 24
"""Row groups whose texts are read."""
REASON = 8
"""Dropped rows of one reason."""
BANDS = {
    "all": "all votes",
    "most": "75% of the votes or more",
    "half": "half of the votes or more",
    "few": "less than half",
    "none": "no votes told",
}

Row = dict[str, Any]


@dataclass(frozen=True)
class Dropped:
    """A row that a stage dropped."""

    stage: str
    reason: str
    problem_id: str
    sample: int | None
    detail: str
    problem: str = ""
    text: str = ""


@dataclass(frozen=True)
class Gone:
    """What a run dropped: all counts, and some of the rows."""

    counts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    rows: tuple[Dropped, ...] = ()


def band(votes: Any, total: Any) -> str:
    """Which band of BANDS a row's votes fall into."""
    if not votes or not total:
        return "none"
    share = votes / total
    return "all" if share >= 1 else "most" if share >= 0.75 else "half" if share >= 0.5 else "few"


def of_rows(files: list[Path], wanted: int = ROWS) -> list[Row]:
    """About `wanted` rows, of every kind there is as evenly as can be."""
    kinds: dict[tuple[str, str, str], list[tuple[int, int, int]]] = {}
    for number, path in enumerate(files):
        for group, table in _narrow(path):
            columns = (table[name].to_pylist() for name in table.column_names)
            for at, (source, votes, total, kind) in enumerate(zip(*columns, strict=True)):
                key = (str(source), band(votes, total), str(kind))
                places = kinds.setdefault(key, [])
                if len(places) < wanted:
                    places.append((number, group, at))
    chosen = _evenly(kinds, wanted)
    return list(_texts(files, chosen))


def of_dropped(run: Path) -> Gone:
    """A few of what each stage of a run dropped, for each reason. Raises HubError."""
    if not (run / "run.json").is_file():
        raise HubError(
            f"{run} is no run directory of omi2: name the one of `omi2 build` with --run"
        )
    counts: dict[tuple[str, str], int] = {}
    noted: list[Row] = []
    for folder in sorted(run.glob("[0-9][0-9]_*")):
        stage = folder.name[3:]
        if not (folder / "manifest.json").is_file():
            continue
        found: dict[str, int] = {}
        for part in sorted((folder / "dropped").glob("part-*.parquet")):
            for row in _iterate(part, ["problem_id", "sample", "reason", "detail", "text"]):
                reason = str(row["reason"])
                counts[stage, reason] = counts.get((stage, reason), 0) + 1
                if found.setdefault(reason, 0) < REASON:
                    found[reason] += 1
                    noted.append({**row, "stage": stage})
    return Gone(counts, tuple(_told(run, noted)))


def _narrow(path: Path) -> Iterator[tuple[int, Any]]:
    """Each row group's narrow columns."""
    with _opened(path) as shard:
        for group in range(shard.num_row_groups):
            yield (
                group,
                shard.read_row_group(
                    group, ["problem_source", "votes", "votes_total", "answer_type"]
                ),
            )


def _evenly(
    kinds: Mapping[tuple[str, str, str], list[tuple[int, int, int]]], wanted: int
) -> list[tuple[int, int, int]]:
    """One of each kind, then another of each, from few row groups."""
    chosen: list[tuple[int, int, int]] = []
    groups: set[tuple[int, int]] = set()
    for turn in range(wanted):
        more = [places[turn] for _, places in sorted(kinds.items()) if turn < len(places)]
        for place in more:
            if len(chosen) < wanted and (place[:2] in groups or len(groups) < GROUPS):
                groups.add(place[:2])
                chosen.append(place)
        if not more or len(chosen) >= wanted:
            break
    return sorted(chosen)


def _texts(files: list[Path], chosen: list[tuple[int, int, int]]) -> Iterator[Row]:
    """The chosen rows, whole."""
    for number, group in sorted({place[:2] for place in chosen}):
        with _opened(files[number]) as shard:
            table = shard.read_row_group(group)
            yield from table.take(
                [at for n, g, at in chosen if (n, g) == (number, group)]
            ).to_pylist()


def _told(run: Path, noted: list[Row]) -> Iterator[Dropped]:
    """Each dropped row with the texts that it is about."""
    ids = {row["problem_id"] for row in noted}
    problems = {
        row["problem_id"]: row["problem"]
        for stage in ("seed", "augment")
        for row in _of_stage(run, stage, ["problem_id", "problem"], ids)
    }
    said = {
        (row["problem_id"], row["sample"]): row["generation"]
        for row in _of_stage(run, "solve", ["problem_id", "sample", "generation"], ids)
    }
    for row in noted:
        hidden = row["reason"].startswith("overlap_") or row["reason"] == "problem_dropped"
        text = row["text"] or said.get((row["problem_id"], row["sample"])) or ""
        yield Dropped(
            row["stage"],
            row["reason"],
            row["problem_id"],
            row["sample"],
            row["detail"] or "",
            "" if hidden else problems.get(row["problem_id"]) or text,
            "" if hidden or row["text"] else text,
        )


def _of_stage(run: Path, stage: str, columns: list[str], ids: set[str]) -> Iterator[Row]:
    """A stage's rows about these problems."""
    for part in sorted(run.glob(f"[0-9][0-9]_{stage}/part-*.parquet")):
        for row in _iterate(part, columns):
            if row["problem_id"] in ids:
                yield row


def _iterate(path: Path, columns: list[str]) -> Iterator[Row]:
    with _opened(path) as table:
        for batch in table.iter_batches(1000, columns=columns):
            yield from batch.to_pylist()


def _opened(path: Path) -> Any:
    """A Parquet file. Raises HubError where it is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0]
        raise HubError(f"{path} cannot be read as Parquet ({said}): build it again") from None


def numbers(root: Path) -> dict[str, Any]:
    """reports/numbers.json, or nothing where an older omi2 built the release."""
    try:
        found = json.loads((root / "reports" / "numbers.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
