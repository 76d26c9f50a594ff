"""Read problems from a source of a recipe: a Parquet file, a data set on the Hub, or our own seeds.

`read(source)` gives plain dicts with `id`, `problem`, `answer` and `subject` (None where absent)
and what is needed to find the same text again: the revision on the Hub, or the file's sha256.
Whatever is wrong with a file is said in one sentence before anything is built from it.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from omi2.answers.boxed import boxes
from omi2.errors import RemoteError, UsageError
from omi2.files import known_sha256
from omi2.recipe import Source

BATCH = 100_000
"""Rows of a file that are read at once."""
Problem = dict[str, str | None]


@dataclass(frozen=True)
class Loaded:
    """The problems of a source, and where exactly they came from."""

    problems: list[Problem]
    origin: dict[str, str]


def read(source: Source) -> Loaded:
    """Every problem of a source. Raises UsageError (our input) or RemoteError (the Hub)."""
    if source.package:
        loaded = _packaged(source)
    elif source.file:
        loaded = _from_file(source)
    else:
        loaded = _from_hub(source)
    if not source.subjects:
        return loaded
    chosen = [p for p in loaded.problems if p["subject"] in source.subjects]
    if not chosen:
        subjects = sorted({str(p["subject"]) for p in loaded.problems})
        raise UsageError(f"{source.name} has no subject {source.subjects}; it has {subjects}")
    return replace(loaded, problems=chosen)


def read_columns(path: Path, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> pa.Table:
    """Some columns of a Parquet file, every string valid. Raises UsageError."""
    return pa.concat_tables(_batches(path, needed, optional))


def check_columns(
    path: Path, needed: tuple[str, ...], optional: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Which of these columns a Parquet file has; no row is read. Raises UsageError."""
    file = _opened(path, needed, optional)
    schema = file.schema_arrow
    names = tuple(name for name in (*needed, *optional) if name in schema.names)
    for name in names:
        _strings(path, name, pa.chunked_array([], schema.field(name).type), name in needed)
    return names


def _opened(path: Path, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> pq.ParquetFile:
    if not path.is_file():
        raise UsageError(f"{path} does not exist, or is not a file")
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None
    have = file.schema_arrow.names
    if missing := [name for name in needed if name not in have]:
        raise UsageError(f"{path} has no column {', '.join(missing)}; it has {', '.join(have)}")
    if twice := [name for name in (*needed, *optional) if have.count(name) > 1]:
        raise UsageError(f"{path} has several columns called {', '.join(twice)}: keep one of each")
    return file


def _unreadable(path: Path, error: Exception) -> UsageError:
    reason = str(error).splitlines()[0]
    if "UTF8" in reason.upper().replace("-", ""):
        return UsageError(f"{path} holds text that is not UTF-8: {reason}")
    return UsageError(
        f"{path} cannot be read as Parquet ({reason}): is it whole, and a .parquet file?"
    )


def _batches(
    path: Path, needed: tuple[str, ...], optional: tuple[str, ...] = (), *, distinct: bool = False
) -> list[pa.Table]:
    """The rows of a file, in batches; with `distinct`, equal rows of a batch once."""
    file = _opened(path, needed, optional)
    names = [*needed, *(name for name in optional if name in file.schema_arrow.names)]
    tables = []
    try:
        if distinct:  # a text that came before is then a number
            leaves = {file.schema.column(at).path for at in range(len(file.schema))}
            file = pq.ParquetFile(path, read_dictionary=sorted(leaves & {*names}))
        for batch in file.iter_batches(BATCH, columns=names):
            table = pa.Table.from_batches([batch])
            table.validate(full=True)
            table = _distinct(table) if distinct else table
            columns = [_strings(path, n, table[n], n in needed) for n in names]
            tables.append(pa.Table.from_arrays(columns, names))
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None
    return tables or [pa.schema([(name, pa.large_string()) for name in names]).empty_table()]


def _distinct(table: pa.Table) -> pa.Table:
    """Each row once, where it stands first."""
    columns = [column.combine_chunks() for column in table.unify_dictionaries().columns]
    coded = [c.indices if isinstance(c, pa.DictionaryArray) else c for c in columns]
    frame = pl.DataFrame({str(number): pl.from_arrow(c) for number, c in enumerate(coded)})
    first = frame.with_row_index("at").unique(frame.columns, keep="first", maintain_order=True)
    return table.take(first["at"].to_arrow())


def _strings(path: Path, name: str, column: pa.ChunkedArray, needed: bool) -> pa.ChunkedArray:
    """A column as strings; a number in a column that may be absent is written out."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    texts = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    plain = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_null)
    if any(test(kind) for test in (*texts, *(() if needed else plain))):
        return column.cast(pa.large_string())
    raise UsageError(f"{path}: column {name} is {column.type}, it must be strings")


def _from_file(source: Source) -> Loaded:
    path = Path(source.file)
    needed, answer = (source.problem,), (source.answer,) if source.answer else ()
    _opened(path, (*needed, *answer))  # which has to be there, and may hold numbers
    if source.distinct:  # a row for each generation: only what is read of it is held
        table = _distinct(pa.concat_tables(_batches(path, needed, answer, distinct=True)))
    else:
        table = read_columns(path, needed, (*answer, "id", "subject", "split"))
    if source.split and "split" in table.column_names:
        splits = sorted({str(s) for s in table["split"].unique().to_pylist()})
        table = table.filter(pc.equal(table["split"], source.split))
        if table.num_rows == 0:
            raise UsageError(
                f"{path} has no rows of the split {source.split!r}; it has {', '.join(splits)}: "
                "name one with --seeds-split"
            )
    if table.num_rows == 0:
        raise UsageError(f"{path} holds no rows")
    problems = [_problem(source, row, at) for at, row in enumerate(_rows(table))]
    return Loaded(problems, {"file": path.name, "sha256": known_sha256(path)})


def _from_hub(source: Source) -> Loaded:
    from datasets import disable_progress_bars, load_dataset
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    disable_progress_bars()
    try:
        revision = source.revision or HfApi().dataset_info(source.dataset).sha or ""
        problems: list[Problem] = []
        for subset in source.subsets or (None,):
            data = load_dataset(source.dataset, subset, split=source.split, revision=revision)
            missing = {source.problem, source.answer} - {*data.column_names, ""}
            if missing:
                raise UsageError(
                    f"{source.dataset} has no column {', '.join(sorted(missing))}; "
                    f"it has {', '.join(data.column_names)}"
                )
            for row in data:
                problems.append(_problem(source, row, len(problems)))
    except (HfHubHTTPError, OSError, ValueError) as error:
        raise RemoteError(
            f"{source.dataset} cannot be loaded from the Hub ({type(error).__name__}: "
            f"{(str(error).splitlines() or ['no reason'])[0]}): check the network and the name, or "
            "give a local file"
        ) from None
    return Loaded(problems, {"dataset": source.dataset, "revision": revision})


def _packaged(source: Source) -> Loaded:
    resource = files("omi2") / "seeds" / f"{source.package}.toml"
    if not resource.is_file():
        raise UsageError(f"no seeds called {source.package!r} ship with omi2")
    table = tomllib.loads(resource.read_text(encoding="utf-8"))
    problems = [_problem(source, row, at) for at, row in enumerate(table["seed"])]
    return Loaded(problems, {"package": f"omi2/seeds/{source.package}.toml"})


def _problem(source: Source, row: dict[str, Any], at: int) -> Problem:
    answer = row.get(source.answer) if source.answer else None
    if answer is not None and source.answer_form == "hash_marks":
        answer = answer.rpartition("####")[2].strip()
    elif answer is not None and source.answer_form == "boxed":
        found = boxes(answer)
        answer = found[-1].content if found else None
    return {
        "id": str(row.get("id") or f"{source.name}/{source.split}/{at}"),
        "problem": row.get(source.problem),
        "answer": answer,
        "subject": row.get("subject") or row.get("type"),
    }


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=10_000):
        yield from batch.to_pylist()
