"""The replay teacher: generations that exist already, in a Parquet file.

Columns `problem` and `generation`; `gold` and `model` where there are. A problem's generations keep
the order of the file. The file's sha256 stands for its content in fingerprints.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omi2 import rows
from omi2.errors import UsageError
from omi2.recipe import Recipe, Source, Teacher
from omi2.sources import read_columns

PREFIX = "replay:"


def file_of(teacher: Teacher) -> Path | None:
    """The file to replay, or None where the teacher is a server."""
    specs = [spec for spec in teacher.endpoints if spec.startswith(PREFIX)]
    if specs and len(teacher.endpoints) > 1:
        raise UsageError("a replay cannot share the work with other endpoints: name it alone")
    return Path(specs[0].removeprefix(PREFIX)) if specs else None


def source(path: Path) -> Source:
    """The file's own problems as seeds."""
    table = read_columns(path, ("problem", "generation"), ("gold",))
    answer = "gold" if "gold" in table.column_names else ""
    return Source(name=path.stem, file=str(path), answer=answer, split="", distinct=True)


def generations(recipe: Recipe, path: Path, part: int) -> Iterator[dict[str, Any]]:
    """The file's rows whose problem lies in this part, with `problem_id`, in file order."""
    table = read_columns(path, ("problem", "generation"), ("model",))
    for batch in table.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            name = rows.problem_id(row["problem"] or "")
            if rows.bucket(name, recipe.parts) == part:
                yield {**row, "problem_id": name}
