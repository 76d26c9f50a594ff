"""A run directory: what a build has done so far, and how it is written so that it survives.

    omi2-run/
      run.json                    marks the folder as ours
      ledger/solve/part-*.jsonl   what teachers said, kept whatever happens to the stages
      01_seed/
        started.json              the fingerprint being worked on
        part-*.parquet            one per bucket of problem_id
        dropped/part-*.parquet    what the stage dropped, with the reason
        counts/part-*.json        a part's report, written when the part is whole
        report.json               the sum of them
        manifest.json             every file's size, rows and sha256; written last

Every file is written under a temporary name, synced and renamed. A stage is complete when its
manifest stands; a part, when its counts do. After a kill, a stage whose fingerprint is unchanged
goes on with its next part, and one whose fingerprint changed begins anew. Nothing in here holds a
clock, a path or a host, so that the same inputs give the same bytes.
"""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import polars as pl
import pyarrow as pa

from omi2 import rows
from omi2.errors import UsageError
from omi2.files import describe, read_json, read_table, sha256, write_json, write_table
from omi2.reports import Report as Report
from omi2.reports import as_arrow as as_arrow
from omi2.reports import as_frame as as_frame
from omi2.reports import counted as counted
from omi2.reports import drop as drop
from omi2.reports import tally as tally

MARK = {"omi2": "run", "format": 1}
Live = Mapping[str, Any]


class Tell(Protocol):
    """Hears of progress; `live` are figures of the moment, such as tokens_per_second."""

    def __call__(self, what: str, done: int, total: int, live: Live | None = None, /) -> None:
        """So many of `total` are done."""


def _quiet(what: str, done: int, total: int, live: Live | None = None, /) -> None:
    """The default listener: says nothing."""


@dataclass(frozen=True)
class Run:
    """The run directory at `path`, cut into `parts` buckets; `tell` hears of progress."""

    path: Path
    parts: int
    tell: Tell = field(default=_quiet, compare=False, repr=False)

    def quiet(self) -> "Run":
        """The same run for another process: it tells nobody."""
        return replace(self, tell=_quiet)

    def stage(self, stage: str) -> Path:
        """The folder of a stage, such as 04_solve."""
        return self.path / f"{STAGE_NUMBERS[stage]:02}_{stage}"

    def part(self, stage: str, part: int, *, dropped: bool = False) -> Path:
        """The Parquet file of a stage's part."""
        folder = self.stage(stage) / "dropped" if dropped else self.stage(stage)
        return folder / f"part-{part:05}.parquet"

    def ledger(self, stage: str, part: int) -> Path:
        """The file where the teachers' words for this part are kept."""
        return self.path / "ledger" / stage / f"part-{part:05}.jsonl"

    def write(
        self,
        stage: str,
        part: int,
        schema: pa.Schema,
        kept: Iterable[Mapping[str, Any]],
        dropped: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Write a part: its rows and its dropped rows (with a `reason`), each as a whole file."""
        self.put(stage, part, schema, as_frame(kept, schema), as_frame(dropped, rows.DROPPED))

    def put(
        self,
        stage: str,
        part: int,
        schema: pa.Schema,
        kept: pl.DataFrame,
        dropped: pl.DataFrame,
    ) -> None:
        """Write a part whose rows are columns already; a column that is missing is null."""
        write_table(self.part(stage, part), as_arrow(kept, schema))
        write_table(self.part(stage, part, dropped=True), as_arrow(dropped, rows.DROPPED))

    def scatter(
        self,
        stage: str,
        schema: pa.Schema,
        kept: Iterable[Mapping[str, Any]],
        dropped: Iterable[Mapping[str, Any]],
    ) -> None:
        """Write a whole stage, every row into the part of its problem, in the order given."""
        parted: list[tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]]
        parted = [([], []) for _ in range(self.parts)]
        for at, found in enumerate((kept, dropped)):
            for row in found:
                parted[rows.bucket(row["problem_id"], self.parts)][at].append(row)
        for part, (these, gone) in enumerate(parted):
            self.write(stage, part, schema, these, gone)

    def read(
        self,
        stage: str,
        part: int,
        *,
        dropped: bool = False,
        columns: tuple[str, ...] | None = None,
    ) -> pl.DataFrame:
        """A part's rows, or some columns of them. Raises Omi2Error where the file is damaged."""
        return read_table(self.part(stage, part, dropped=dropped), columns)

    def begin(self, stage: str, fingerprint: str) -> None:
        """Make the stage's folder ready: what a kill left of this very stage is kept, else anew.

        The stages after it are no longer complete: they were made from what it wrote before.
        """
        folder = self.stage(stage)
        for later in list(STAGE_NUMBERS)[STAGE_NUMBERS[stage] :]:
            (self.stage(later) / "manifest.json").unlink(missing_ok=True)
        begun = read_json(folder / "started.json") == {"fingerprint": fingerprint}
        if begun and (folder / "manifest.json").exists():
            self._take_out(stage)
        if folder.exists() and not begun:
            aside = folder.with_name(f".{folder.name}.old")
            if aside.exists():
                shutil.rmtree(aside)
            os.replace(folder, aside)
            shutil.rmtree(aside)
        for name in ("dropped", "counts"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        write_json(folder / "started.json", {"fingerprint": fingerprint})

    def _take_out(self, stage: str) -> None:
        """Make the damaged parts of a complete stage count as not done, and no other."""
        folder = self.stage(stage)
        parts = {f"part-{part:05}": part for part in range(self.parts)}
        for name in self.damaged(stage):
            part = parts.get(Path(name).name.partition(".")[0])
            if part is None:  # a report, or a file of the whole: all of the stage is made again
                shutil.rmtree(folder / "counts", ignore_errors=True)
            else:
                (folder / "counts" / f"part-{part:05}.json").unlink(missing_ok=True)
        (folder / "manifest.json").unlink()

    def counts(self, stage: str, part: int) -> Report | None:
        """The report of a part that is complete."""
        found = read_json(self.stage(stage) / "counts" / f"part-{part:05}.json")
        return None if found is None else Report(**found)

    def count(self, stage: str, part: int, report: Report) -> None:
        """Call a part complete."""
        write_json(self.stage(stage) / "counts" / f"part-{part:05}.json", asdict(report))

    def finish(self, stage: str, fingerprint: str, report: Report) -> None:
        """Call the stage complete: its report, then its manifest."""
        folder = self.stage(stage)
        write_json(folder / "report.json", asdict(report))
        names = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
        listed = {
            p.relative_to(folder).as_posix(): describe(p)
            for p in names
            if p.name not in ("manifest.json", "started.json")
        }
        write_json(
            folder / "manifest.json",
            {"stage": stage, "fingerprint": fingerprint, "files": listed},
        )

    def complete(self, stage: str, fingerprint: str) -> bool:
        """Whether the stage stands, made by just this recipe, code and input, no file damaged."""
        manifest = self.manifest(stage)
        if manifest is None or manifest.get("fingerprint") != fingerprint:
            return False
        return not self.damaged(stage)

    def damaged(self, stage: str, *, thorough: bool = False) -> list[str]:
        """The files of a complete stage that are missing or are not what its manifest says.

        The manifest was written last, so only a file that is younger is hashed, unless asked to be
        `thorough`: a disk that forgets leaves no date.
        """
        folder = self.stage(stage)
        manifest = self.manifest(stage) or {"files": {}}
        found = []
        for name, entry in manifest["files"].items():
            try:
                seen = (folder / name).stat()
            except OSError:
                found.append(name)
                continue
            doubted = thorough or seen.st_mtime_ns > (folder / "manifest.json").stat().st_mtime_ns
            if seen.st_size != entry["bytes"] or (
                doubted and sha256(folder / name) != entry["sha256"]
            ):
                found.append(name)
        return found

    def manifest(self, stage: str) -> dict[str, Any] | None:
        """The stage's manifest, or None while it is not complete."""
        found: dict[str, Any] | None = read_json(self.stage(stage) / "manifest.json")
        return found

    def report(self, stage: str) -> Report | None:
        """The stage's report, or None while it is not complete."""
        found = read_json(self.stage(stage) / "report.json") if self.manifest(stage) else None
        return None if found is None else Report(**found)


def problems(run: Run, part: int, columns: tuple[str, ...] | None = None) -> pl.DataFrame:
    """Every problem of a part: its seeds, then its new ones; or some columns of them."""
    return pl.concat([run.read(stage, part, columns=columns) for stage in ("seed", "augment")])


STAGE_NUMBERS = {
    name: number
    for number, name in enumerate(
        ("seed", "augment", "decontaminate", "solve", "grade", "filter", "split"), start=1
    )
}
"""The order of the stages in folder names; `pipeline.STAGES` holds the functions."""


def open_run(path: Path, parts: int, tell: Tell = _quiet) -> Run:
    """The run directory at `path`, made if need be. Raises UsageError where it is not ours."""
    claim(path, "run.json", MARK, "run directory", "--run")
    path.mkdir(parents=True, exist_ok=True)
    run = Run(path, parts, tell)
    if read_json(path / "run.json") != MARK:
        write_json(path / "run.json", MARK)
    return run


def claim(path: Path, marker: str, mark: Mapping[str, Any], what: str, option: str) -> None:
    """Refuse a folder that holds something else than what omi2 wrote. Raises UsageError."""
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file: name a folder for the {what} with {option}")
    if not path.is_dir() or not any(path.iterdir()):
        return
    found = read_json(path / marker)
    if not isinstance(found, dict) or any(found.get(k) != v for k, v in mark.items()):
        raise UsageError(
            f"{path} holds something that omi2 did not write (it has no {marker} of ours): "
            f"nothing was touched. Name another folder with {option}, or move that one away."
        )
