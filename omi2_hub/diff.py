"""What changed between two versions: schema, counts, and rows by their row_id.

Counts come from the two manifests. Rows are compared without their texts: a `row_id` is the hash of
problem and solution, so the narrow columns say the rest; and files that both versions hold, by
sha256, are not read at all, since their rows are on both sides. Memory: about 200 bytes a row that
is read.

"Changed" is a row that both have, with another value in a narrow column; "answers changed" those of
them with another expected_answer. Two texts that differ in white space alone have one row_id, and
are not told apart. Only columns that both versions have, with one type, can be compared: where
row_id or expected_answer is none of them, that is said instead of a number.
"""

from typing import Any

from omi2_hub import remote
from omi2_hub.console import table
from omi2_hub.errors import UsageError
from omi2_hub.manifest import Manifest
from omi2_hub.release import TEXTS
from omi2_hub.remote import call
from omi2_hub.text import plain

SHOWN = 5
"""Examples told of each kind."""


def diff(repo: str, old: str, new: str) -> dict[str, Any]:
    """Everything that differs from version `old` to version `new`."""
    other, at, version = new.rpartition("@")
    if at and other != repo:
        raise UsageError(f"two versions of one dataset are compared: give {repo}@{old} vX.Y.Z")
    new = version
    there = remote.need(repo)
    commits = [remote.commit_of(repo, there, version) for version in (old, new)]
    before, after = (remote.manifest_at(repo, commit) for commit in commits)
    return {
        "ok": True,
        "repo": repo,
        "old": old,
        "new": new,
        "schema": _schema(before, after),
        "rows": {"old": before.rows, "new": after.rows},
        "splits": _counts(
            {name: split.rows for name, split in before.splits.items()},
            {name: split.rows for name, split in after.splits.items()},
        ),
        "sources": _counts(dict(before.sources), dict(after.sources)),
        **_rows(repo, commits, before, after),
    }


def _schema(before: Manifest, after: Manifest) -> dict[str, list[str]]:
    old, new = dict(before.schema), dict(after.schema)
    return {
        "added": [f"{name}: {kind}" for name, kind in new.items() if name not in old],
        "removed": [f"{name}: {kind}" for name, kind in old.items() if name not in new],
        "changed": [f"{n}: {old[n]} -> {k}" for n, k in new.items() if n in old and old[n] != k],
    }


def _counts(old: dict[str, int], new: dict[str, int]) -> dict[str, dict[str, int]]:
    names = [*old, *(name for name in new if name not in old)]
    return {name: {"old": old.get(name, 0), "new": new.get(name, 0)} for name in names}


def _rows(repo: str, commits: list[str], before: Manifest, after: Manifest) -> dict[str, Any]:
    """Rows added, removed and changed."""
    import polars as pl

    both = {before.files[p].sha256 for p in before.data} & {
        after.files[p].sha256 for p in after.data
    }
    columns = [name for name, _ in before.schema if (name, _) in after.schema and name not in TEXTS]
    if "row_id" not in columns:
        why = f"rows cannot be matched: {_changed('row_id', before, after)}"
        kinds = ("added", "removed", "changed", "answers_changed")
        files = {"old": 0, "new": 0, "skipped": len(before.data) + len(after.data)}
        return {kind: {"rows": None, "why": why, "examples": []} for kind in kinds} | {
            "files_read": files
        }
    old = _read(repo, commits[0], before, both, columns)
    new = _read(repo, commits[1], after, both, columns)
    old, new = (old if len(old) else new.clear()), (new if len(new) else old.clear())
    added = new.join(old, on="row_id", how="anti")["row_id"].sort()
    removed = old.join(new, on="row_id", how="anti")["row_id"].sort()
    shared = old.join(new, on="row_id", how="inner", suffix=" new")
    differs = [pl.col(c).ne_missing(pl.col(f"{c} new")) for c in columns if c != "row_id"]
    changed = shared.filter(pl.any_horizontal(differs)) if differs else shared.clear()
    if "expected_answer" in columns:
        told = _answers(changed)
    else:
        why = f"answers cannot be compared: {_changed('expected_answer', before, after)}"
        told = {"rows": None, "why": why, "examples": []}
    return {
        "added": {"rows": len(added), "examples": added.head(SHOWN).to_list()},
        "removed": {"rows": len(removed), "examples": removed.head(SHOWN).to_list()},
        "changed": {
            "rows": len(changed),
            "examples": changed["row_id"].sort().head(SHOWN).to_list(),
        },
        "answers_changed": told,
        "files_read": {
            "old": _count(before, both),
            "new": _count(after, both),
            "skipped": len(both),
        },
    }


def _answers(changed: Any) -> dict[str, Any]:
    """The changed rows that have another answer."""
    import polars as pl

    found = changed.filter(pl.col("expected_answer").ne_missing(pl.col("expected_answer new")))
    columns = {"row_id": "row_id", "old": "expected_answer", "new": "expected_answer new"}
    listed = found.sort("row_id").head(SHOWN).iter_rows(named=True)
    examples = [{name: row[column] for name, column in columns.items()} for row in listed]
    return {"rows": len(found), "examples": examples}


def _changed(column: str, before: Manifest, after: Manifest) -> str:
    """What became of a column that the two do not share."""
    kinds = [dict(one.schema).get(column) for one in (before, after)]
    if kinds[0] and kinds[1]:
        return f"the column {column} changed from {kinds[0]} to {kinds[1]}"
    where = " and ".join(w for w, kind in zip(("old", "new"), kinds, strict=True) if not kind)
    return f"there is no column {column} in the {where} version"


def _count(manifest: Manifest, both: set[str]) -> int:
    return sum(manifest.files[path].sha256 not in both for path in manifest.data)


def _read(repo: str, commit: str, manifest: Manifest, skip: set[str], columns: list[str]) -> Any:
    """The narrow columns of every file that is not skipped, by range requests."""
    import polars as pl
    import pyarrow.parquet as pq
    from huggingface_hub import HfFileSystem

    system = HfFileSystem(skip_instance_cache=True)
    tables = []
    for path in manifest.data:
        if manifest.files[path].sha256 in skip:
            continue

        def get(path: str = path) -> Any:
            with (
                system.open(f"datasets/{repo}@{commit}/{path}", block_size=8 << 20) as file,
                pq.ParquetFile(file, pre_buffer=True) as parquet,
            ):
                return pl.from_arrow(parquet.read(columns))

        tables.append(call(repo, f"reading {path} of {commit[:12]}", get))
    empty = pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    return pl.concat(tables) if tables else empty


def as_text(found: dict[str, Any]) -> str:
    """The differences for people."""
    lines = [f"{found['repo']}: {found['old']} -> {found['new']}"]
    schema = [f"  {kind} {', '.join(names)}" for kind, names in found["schema"].items() if names]
    lines += ["schema", *(schema or ["  the same"])]
    for title in ("splits", "sources"):
        rows = [
            (
                name,
                f"{n['old']:,}".rjust(12),
                "->",
                f"{n['new']:,}".rjust(12),
                _signed(n["new"] - n["old"]),
            )
            for name, n in found[title].items()
        ]
        lines += [title, table(rows)]
    lines.append("rows")
    told: list[tuple[str, ...]] = []
    for kind in ("added", "removed", "changed", "answers_changed"):
        entry = found[kind]
        if entry["rows"] is None:
            told.append((kind.replace("_", " "), "?".rjust(12), entry["why"]))
            continue
        shown = [
            plain(f"{e['row_id'][:12]}: {e['old']} -> {e['new']}")
            if isinstance(e, dict)
            else e[:12]
            for e in entry["examples"]
        ]
        more = ", ..." if entry["rows"] > len(shown) else ""
        told.append(
            (kind.replace("_", " "), f"{entry['rows']:,}".rjust(12), ", ".join(shown) + more)
        )
    lines.append(table(told))
    return "\n".join(lines)


def _signed(number: int) -> str:
    return f"{number:+,}" if number else "="
