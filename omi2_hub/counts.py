"""The arithmetic of a release's rows: files, splits and sources against the manifest.

Shared by the gates, which counted what lies on disk, and by `verify`, which read the footers of
what was published.
"""

from collections.abc import Mapping

from omi2_hub.manifest import Manifest, Split


def disagreements(
    manifest: Manifest, rows: Mapping[str, int], sources: Mapping[str, int] | None
) -> list[str]:
    """Where the manifest's numbers are wrong, as sentences.

    `rows` is what each data file holds. `sources` is how many rows the data holds of each source;
    without it, only that the manifest's own add up is known.
    """
    wrong = []
    for path in manifest.data:
        said = manifest.files[path].rows
        if rows.get(path, said) != said:
            wrong.append(f"{path} holds {rows[path]} rows, the manifest says {said}")
    if sum(rows.values()) != manifest.rows:
        wrong.append(f"the files hold {sum(rows.values())} rows, the manifest says {manifest.rows}")
    for name, split in manifest.splits.items():
        missing = [path for path in split.files if path not in rows]
        held = sum(rows.get(path, 0) for path in split.files)
        if missing:
            wrong.append(f"split {name} lists {missing[0]}, which is no data file here")
        elif held != split.rows:
            wrong.append(
                f"the files of split {name} hold {held} rows, the manifest says {split.rows}"
            )
    if set(manifest.splits.get("train", Split(0, ())).files) != set(manifest.data):
        wrong.append("split train does not list every data file")
    wrong += _sources(manifest, sources)
    if manifest.rows == 0:
        wrong.append("the release holds no row")
    return wrong


def _sources(manifest: Manifest, sources: Mapping[str, int] | None) -> list[str]:
    if sources is None:
        total = sum(manifest.sources.values())
        if total == manifest.rows:
            return []
        return [f"the sources hold {total} rows together, the manifest says {manifest.rows}"]
    return [
        f"the data holds {sources.get(name, 0)} rows of source {name}, the manifest says"
        f" {manifest.sources.get(name, 0)}"
        for name in sorted(sources.keys() | manifest.sources)
        if sources.get(name, 0) != manifest.sources.get(name, 0)
    ]


def total(sources: list[Mapping[str, int]]) -> dict[str, int]:
    """The rows of each source in all files."""
    found: dict[str, int] = {}
    for one in sources:
        for name, count in one.items():
            found[name] = found.get(name, 0) + count
    return found
