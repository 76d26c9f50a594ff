"""Read the problems of whatever is to be compared, or compared with.

`read_problems` takes a Parquet or JSONL file, the folder of a release (`./omi2`, every shard of its
`data/`), or a data set on the Hub (`ORG/NAME`, `ORG/NAME@REVISION`). It keeps a name for each row,
so that what is found can be taken out again: `row_id` where there is one, else `id`, else the
number of the row.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from omi2 import settings
from omi2.errors import RemoteError, UsageError
from omi2.recipe import Decontaminate
from omi2.sources import read_columns

COLUMNS = ("problem", "question")
"""Where a problem may stand, the first that is there."""
NAMES = ("row_id", "id")
THRESHOLDS = ("overlap", "masked_overlap", "rephrase", "minhash", "strict")


@dataclass(frozen=True)
class Problems:
    """Problems and the name of each one's row."""

    problems: list[str]
    ids: list[str]
    origin: str = ""
    """The revision, where it came from the Hub."""


def read_problems(what: str | Path, *, column: str = "", split: str = "") -> Problems:
    """The problems of a file, a folder or a data set. Raises UsageError, RemoteError.

    `column` names the column with the problems; `split` is taken where a column `split` has it.
    """
    path = Path(what)
    if path.is_dir():
        return _joined(_parquet(p, column, split) for p in _shards(path))
    if path.suffix == ".parquet":
        return _checked(_parquet(path, column, split), path)
    if path.suffix in (".jsonl", ".ndjson"):
        return _checked(_jsonl(path, column, split), path)
    if path.exists() or str(what).count("/") != 1 or path.is_absolute():
        raise UsageError(
            f"{what} is no Parquet or JSONL file, no folder of a release and no data set on the "
            "Hub (ORG/NAME or ORG/NAME@REVISION)"
        )
    return _hub(str(what), column, split or "train")


def rules_of(what: str | Path, strict: bool | None) -> Decontaminate:
    """The thresholds that a release was built with, and otherwise the usual ones.

    `strict` is taken over the release's own policy where it is given. Raises UsageError.
    """
    path = Path(what) / "manifest.json"
    try:
        told = json.loads(path.read_bytes())["recipe"]["decontaminate"] if path.is_file() else {}
        kept = {name: told[name] for name in THRESHOLDS if name in told}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(f"{path} is no manifest of omi2: build the release again") from None
    rules = settings.read(Decontaminate, kept, str(path), "decontaminate")
    return rules if strict is None else replace(rules, strict=strict)


def _shards(folder: Path) -> list[Path]:
    found = sorted((folder / "data").glob("*.parquet")) or sorted(folder.glob("*.parquet"))
    if not found:
        raise UsageError(f"{folder} holds no Parquet files, neither in it nor in its data/")
    return found


def _checked(found: Problems, path: Path) -> Problems:
    if not found.problems:
        raise UsageError(f"{path} holds no rows: there is nothing to compare")
    return found


def _joined(parts: Iterable[Problems]) -> Problems:
    found = Problems([], [])
    for part in parts:
        found.problems.extend(part.problems)
        found.ids.extend(part.ids)
    return found


def _parquet(path: Path, column: str, split: str) -> Problems:
    if not path.is_file():
        raise UsageError(f"{path} does not exist, or is not a file")
    try:
        have = pq.read_schema(path).names
    except (pa.ArrowException, OSError):
        have = []  # `read_columns` says what is wrong
    table = read_columns(path, (_column(path, have, column),), (*NAMES, "split"))
    return _rows(path, table, split)


def _jsonl(path: Path, column: str, split: str) -> Problems:
    if not path.is_file():
        raise UsageError(f"{path} does not exist, or is not a file")
    rows: list[dict[str, Any]] = []
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UsageError(f"{path}, line {number} is not JSON: {error}") from None
            if not isinstance(row, dict):
                raise UsageError(f"{path}, line {number} is no object with columns")
            rows.append(row)
    if not rows:
        return Problems([], [])
    name = _column(path, list(rows[0]), column)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row.get(name), str):
            raise UsageError(f"{path}: row {number} has no text in the column {name}")
    columns = {name: [row[name].encode("utf-8", "replace").decode() for row in rows]}
    for other in (*NAMES, "split"):
        if other in rows[0]:
            columns[other] = [_told(row.get(other)) for row in rows]
    return _rows(path, pa.table(columns), split)


def _column(path: str | Path, have: list[str], column: str) -> str:
    chosen = next((name for name in ([column] if column else COLUMNS) if name in have), None)
    if chosen is None and have:
        wanted = column or " or ".join(COLUMNS)
        raise UsageError(
            f"{path} has no column {wanted}; it has {', '.join(have)}: --column names another of "
            "FILE; in a file of benchmark problems it has to be called so"
        )
    return chosen or column or COLUMNS[0]


def _rows(path: str | Path, table: pa.Table, split: str) -> Problems:
    if split and "split" in table.column_names:
        of_split = [one == split for one in table["split"].to_pylist()]
        if any(of_split):
            table = table.filter(pa.array(of_split))
    problems = [text or "" for text in table[table.column_names[0]].to_pylist()]
    name = next((name for name in NAMES if name in table.column_names), None)
    stem = Path(path).stem
    if name is None:
        return Problems(problems, [f"{stem}/{at}" for at in range(len(problems))])
    ids = table[name].to_pylist()
    return Problems(problems, [str(one) if one else f"{stem}/{at}" for at, one in enumerate(ids)])


def _told(value: object) -> str:
    """A value as a string, nothing as an empty one; what UTF-8 cannot hold becomes a mark."""
    return "" if value is None else str(value).encode("utf-8", "replace").decode()


def _hub(name: str, column: str, split: str) -> Problems:
    from datasets import disable_progress_bars, load_dataset
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    disable_progress_bars()
    dataset, _, revision = name.partition("@")
    try:
        revision = HfApi().dataset_info(dataset, revision=revision or None).sha or revision
        data = load_dataset(dataset, split=split, revision=revision)
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise RemoteError(
            f"{name} cannot be loaded from the Hub ({type(error).__name__}: "
            f"{(str(error).splitlines() or ['no reason'])[0]}): check the network, the name and "
            "the revision, or give a local file"
        ) from None
    chosen = _column(name, data.column_names, column)
    others = [n for n in NAMES if n in data.column_names]
    table = pa.table({n: [_told(v) for v in data[n]] for n in (chosen, *others)})
    found = _rows(dataset, table, "")
    return Problems(found.problems, found.ids, revision)
