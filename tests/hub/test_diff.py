"""diff between versions of two schemas: what can be compared is, and the rest is said."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from . import releases
from .conftest import Said
from .helpers import by_hand
from .local_hub import Hub

Run = Callable[..., Said]
Change = Callable[[pa.Table], pa.Table]


def other(root: Path, change: Change) -> Path:
    """A release whose data files were written with other columns."""
    releases.write(root, releases.rows_of(12))
    manifest = releases.manifest_of(root)
    for path in sorted((root / "data").iterdir()):
        table = change(pq.read_table(path))
        pq.write_table(table, path)
        manifest["schema"] = [[field.name, str(field.type)] for field in table.schema]
    releases.seal(root, manifest)
    return root


def renamed(table: pa.Table) -> pa.Table:
    return table.rename_columns(["rid" if c == "row_id" else c for c in table.column_names])


def retyped(table: pa.Table) -> pa.Table:
    at = table.schema.get_field_index("expected_answer")
    return table.set_column(at, "expected_answer", table["expected_answer"].cast("large_string"))


@pytest.mark.parametrize(
    ("change", "rows", "says"),
    [
        (
            lambda t: t.drop_columns(["expected_answer"]),
            0,
            "answers cannot be compared: there is no column expected_answer in the new version",
        ),
        (
            retyped,
            0,
            "answers cannot be compared: the column expected_answer changed from string to"
            " large_string",
        ),
        (renamed, None, "rows cannot be matched: there is no column row_id in the new version"),
        (lambda t: t.append_column("new", pa.array([1] * len(t))), 0, "added new: int64"),
    ],
)
def test_versions_of_two_schemas(
    hub: Hub, repo: str, run: Run, tmp_path: Path, change: Change, rows: int | None, says: str
) -> None:
    by_hand(hub, repo, other(tmp_path / "a", lambda t: t), "v1.0.0")
    by_hand(hub, repo, other(tmp_path / "b", change), "v2.0.0")
    said = run("diff", f"{repo}@v1.0.0", f"{repo}@v2.0.0")
    assert said.code == 0, said
    assert says in said.out
    found = run("diff", f"{repo}@v1.0.0", "v2.0.0", "--format", "json").json
    assert (found["added"]["rows"], found["removed"]["rows"]) == (rows, rows)
    back = run("diff", f"{repo}@v2.0.0", "v1.0.0")
    assert back.code == 0, back
    assert says.replace("new version", "old version").split(":")[0].split()[-1] in back.out
