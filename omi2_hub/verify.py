"""Check a published revision: files, hashes, rows, schema, card, and that every split loads.

`verify` reads the manifest of that revision and holds everything else against it:
- the tree lists the manifest's files and no others; large files by the sha256 that the Hub states,
  small ones downloaded and hashed (the card without its block of notices);
- every Parquet footer, by range requests: rows and columns, and their sums by file and split;
- the card's configs, splits and numbers;
- `datasets.load_dataset_builder` for every config at that commit, and the first row of every split,
  but for its two texts.

It trusts the sha256 that the Hub states for a large file, and of the sources only that they add up;
`full` downloads and hashes every large file, and counts the rows of each source. Whatever the
revision's own content makes impossible is raised as `Wrong`; that the Hub could not or may not be
asked never is.
"""

import hashlib
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from omi2_hub import card, remote
from omi2_hub.counts import disagreements, total
from omi2_hub.errors import HubError, NotAllowed, UsageError, Wrong, judging, no_room, transient
from omi2_hub.manifest import CARD, MANIFEST, Manifest, read_manifest
from omi2_hub.notices import NOTICES, strip
from omi2_hub.release import TEXTS, DataFacts, data_facts, hash_file
from omi2_hub.remote import KEPT, PAUSES, RemoteFile, call, content
from omi2_hub.text import plain

THREADS = 4


def verify(
    repo: str, commit: str, *, expected: Manifest | None = None, full: bool = False
) -> dict[str, Any]:
    """Verify a commit; returns what was checked, or raises `Wrong` with the first few findings."""
    if Path(repo).is_dir():
        raise UsageError(
            f"a folder ./{repo} lies here, and load_dataset would read it instead of the Hub: run"
            " this somewhere else, or rename the folder"
        )
    with judging(f"{repo}@{commit[:12]}"):
        return _verify(repo, commit, expected, full)


def _verify(repo: str, commit: str, expected: Manifest | None, full: bool) -> dict[str, Any]:
    found = remote.tree(repo, commit)
    if MANIFEST not in found:
        raise Wrong(f"{repo}@{commit[:12]} holds no {MANIFEST}: it is not a release of omi2")
    manifest = read_manifest(content(repo, commit, MANIFEST), MANIFEST)
    wrong = (
        [] if expected is None or expected.raw == manifest.raw else ["manifest.json is another one"]
    )
    wrong += files(repo, commit, manifest, found)
    large = [path for path in sorted(manifest.files) if path in found and found[path].sha256]
    if not wrong:
        wrong += every_byte(repo, commit, manifest, large) if full else []
        wrong += tables(repo, commit, manifest, full=full)
    if CARD in found:
        built = strip(content(repo, commit, CARD))
        wrong += card.problems(built.decode("utf-8", "replace"), manifest)
    loaded: list[str] = []
    if not wrong:
        loaded, bad = loads(repo, commit, manifest)
        wrong += bad
    if wrong:
        more = f"; and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise Wrong(f"{repo}@{commit[:12]} is not right: {'; '.join(wrong[:3])}{more}")
    return {
        "commit": commit,
        "files": len(manifest.files),
        "bytes": sum(entry.bytes for entry in manifest.files.values()),
        "rows": manifest.rows,
        "splits": loaded,
        "hashes": "every byte downloaded" if full else "large files as the Hub states them",
    }


def files(repo: str, commit: str, manifest: Manifest, found: dict[str, RemoteFile]) -> list[str]:
    """Files that are missing, too many, or hold other bytes than the manifest says."""
    ours = {MANIFEST, NOTICES} | KEPT
    wrong = [f"{path} is missing" for path in sorted(manifest.files.keys() - found.keys())]
    wrong += [
        f"{plain(path)} is not in the manifest"
        for path in sorted(found.keys() - manifest.files - ours)
    ]

    def look(path: str) -> str:
        sha256 = found[path].sha256
        if sha256 is None:
            text = content(repo, commit, path)
            sha256 = hashlib.sha256(strip(text) if path == CARD else text).hexdigest()
        return (
            "" if sha256 == manifest.files[path].sha256 else f"{path} has sha256 {sha256[:12]}..."
        )

    with ThreadPoolExecutor(THREADS) as pool:
        said = pool.map(look, sorted(manifest.files.keys() & found.keys()))
        return wrong + [one for one in said if one]


def tables(repo: str, commit: str, manifest: Manifest, *, full: bool) -> list[str]:
    """What the Parquet files tell otherwise than the manifest: columns, rows, and their sums.

    Only the footers are fetched, and with `full` the column of sources.
    """
    from huggingface_hub import HfFileSystem

    system = HfFileSystem(skip_instance_cache=True)

    def look(path: str) -> DataFacts:
        def read() -> DataFacts:
            with system.open(f"datasets/{repo}@{commit}/{path}", block_size=1 << 20) as file:
                return data_facts(file, footer_only=not full)

        return call(repo, f"reading the footer of {path}", read)

    with ThreadPoolExecutor(THREADS) as pool:
        facts = dict(zip(manifest.data, pool.map(look, manifest.data), strict=True))
    wrong = [
        f"{path} cannot be read as Parquet ({one.broken})"
        for path, one in facts.items()
        if one.broken
    ]
    if wrong:
        return wrong
    wrong = [
        f"{path} has other columns than the manifest"
        for path, one in facts.items()
        if one.schema != manifest.schema
    ]
    rows = {path: one.rows for path, one in facts.items()}
    return wrong + disagreements(
        manifest, rows, total([one.sources for one in facts.values()]) if full else None
    )


def every_byte(repo: str, commit: str, manifest: Manifest, large: list[str]) -> list[str]:
    """Large files whose downloaded bytes have another sha256."""
    wrong = []
    for path in large:
        with tempfile.TemporaryDirectory() as folder:
            got = fetch(repo, commit, path, Path(folder))
            sha256 = hash_file(got)[1]
        if sha256 != manifest.files[path].sha256:
            wrong.append(f"the bytes of {path} have sha256 {sha256[:12]}...")
    return wrong


def fetch(repo: str, commit: str, path: str, folder: Path) -> Path:
    """Download one file into a folder; an earlier try is gone on with."""
    from huggingface_hub import hf_hub_download

    return Path(
        call(
            repo,
            f"downloading {path}",
            lambda: hf_hub_download(
                repo, path, repo_type="dataset", revision=commit, local_dir=folder
            ),
        )
    )


def loads(repo: str, commit: str, manifest: Manifest) -> tuple[list[str], list[str]]:
    """Every split of every config, by datasets itself: those that gave a row, and what went wrong.

    The two texts of the row are left out: datasets reads a whole row group for one row, and theirs
    is some 64 MB.

    datasets takes some lost answers for missing files and goes on without them, so what goes wrong
    is tried again before it is believed.
    """
    text = content(repo, commit, CARD).decode("utf-8", "replace")
    configs = card.configs(card.front_matter(text)[0])
    for pause in [*PAUSES[:2], None]:
        good, wrong = _loads(repo, commit, manifest, configs)
        if not wrong or pause is None:
            return good, wrong
        time.sleep(pause)
    raise AssertionError("unreachable")  # the last pause is None


def _loads(
    repo: str, commit: str, manifest: Manifest, configs: list[card.Config]
) -> tuple[list[str], list[str]]:
    names = [name for name, _ in manifest.schema if name not in TEXTS]
    good: list[str] = []
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as cache:
        for config in configs:
            doing = f"loading config {config.name}"
            try:
                builder = call(repo, doing, _builder(repo, commit, config, cache, names))
                for split in config.splits:
                    row = call(repo, f"{doing}, split {split}", _first(builder, split))
                    rows = manifest.splits[card.size_split(config.name, split)].rows
                    if rows and (row is None or list(row) != names):
                        wrong.append(f"config {config.name}, split {split} gives no proper row")
                    else:
                        good.append(f"{config.name}/{split}")
            except HubError as error:
                if transient(error) or isinstance(error, NotAllowed) or no_room(error):
                    raise
                wrong.append(f"config {config.name} does not load ({error})")
    return good, wrong


def _builder(
    repo: str, commit: str, config: card.Config, cache: str, columns: list[str]
) -> Callable[[], Any]:
    def build() -> Any:
        import datasets

        return datasets.load_dataset_builder(
            repo, config.name, revision=commit, cache_dir=cache, columns=columns
        )

    return build


def _first(builder: Any, split: str) -> Callable[[], Any]:
    return lambda: next(iter(builder.as_streaming_dataset(split=split)), None)
