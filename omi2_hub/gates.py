"""The gates: what must hold before the first byte of a release is sent.

Each gate is a function of what was read (`Release`) and, for some, of what the Hub holds. It looks
at nothing else and changes nothing; it returns one `Gate`: ok, failed, or asking for a flag, with a
sentence. `local_gates` lists them in the order they are told.

A gate answers for what it names, no more: `secrets` searches the card, the reports, the manifest
and the first rows of each file for well-known shapes of keys, and cannot find a password.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from omi2_hub import card, leaks
from omi2_hub.counts import disagreements, total
from omi2_hub.errors import HubError
from omi2_hub.gate import Gate, judged
from omi2_hub.gates_overlap import decontamination, index_only, unknown
from omi2_hub.manifest import Manifest
from omi2_hub.release import Release
from omi2_hub.text import brief, plain
from omi2_hub.versions import CHANGES, FIRST, Version, kind_of_change, parse

FILE_BYTES = 50 * 10**9
"""The Hub's limit for one file (huggingface.co/docs/hub/storage-limits)."""
FOLDER_FILES = 10_000
"""The Hub's limit for the entries of one folder (the same page)."""
COMMIT_FILES = 25_000
"""The Hub's limit for the large files of one commit (HfApi.create_commit's docstring)."""


def local_gates(release: Release, *, index_only_ok: bool, repo: str, here: Path) -> list[Gate]:
    """The gates that need no Hub."""
    return [
        complete(release),
        funnel(release),
        schema(release),
        counts(release),
        card_agrees(release),
        decontamination(release.manifest),
        index_only(release.manifest, index_only_ok),
        unknown(release),
        sizes(release.manifest),
        licence(release),
        secrets(release),
        local_folder(repo, here),
    ]


def complete(release: Release) -> Gate:
    """Every file is in the manifest, and is there with the bytes the manifest says."""
    listed, found = release.manifest.files, release.facts.hashes
    wrong = [
        f"{path} is in the manifest and not in the folder" for path in sorted(listed.keys() - found)
    ]
    for path in sorted(listed.keys() & found):
        bytes_, sha256 = found[path]
        if bytes_ != listed[path].bytes:
            wrong.append(f"{path} has {bytes_} bytes, the manifest says {listed[path].bytes}")
        elif sha256 != listed[path].sha256:
            wrong.append(f"{path} has changed since the build (sha256 {sha256[:12]}...)")
    if not release.manifest.data:
        wrong.append("the manifest lists no data file")
    if wrong:
        wrong[0] += ": build the release again"
    wrong += [
        f"{plain(path)} is in the folder and not in the manifest: remove it, or build again"
        for path in sorted(found.keys() - listed)
    ]
    wrong += [
        f"{plain(path)} is a link to another place: a release holds its own files, build it again"
        for path in sorted(release.facts.links)
    ]
    held = sum(entry.bytes for entry in listed.values())
    return judged("manifest", wrong, f"{len(listed)} files, {held:,} bytes, every sha256 as listed")


def funnel(release: Release) -> Gate:
    """The funnel of the manifest is the report's, and says of decontamination what it says.

    The report's sha256 is checked by `complete`; so a manifest edited by hand has to agree with it.
    """
    try:
        told = json.loads(release.facts.texts.get("reports/funnel.json", ""))
    except (ValueError, RecursionError):
        return Gate("funnel", "fail", "reports/funnel.json is missing or no JSON: build again")
    wrong = []
    if told != release.manifest.raw.get("funnel"):
        wrong.append("the funnel in the manifest is not the one in reports/funnel.json")
    stages = [s for s in told if isinstance(s, dict)] if isinstance(told, list) else []
    about = next((s.get("details") for s in stages if s.get("stage") == "decontaminate"), None)
    for key, value in about.items() if isinstance(about, dict) else ():
        if release.manifest.decontamination.get(key) != value:
            wrong.append(f"the manifest's decontamination.{key} is not what the funnel reports")
    return judged("funnel", wrong, "the manifest's funnel is the report's")


def schema(release: Release) -> Gate:
    """The columns are those of omi2.rows, in the manifest and in every data file."""
    from omi2 import rows
    from omi2_hub.release import schema_of

    wanted = schema_of(rows.ROWS)
    said = {"manifest.json": release.manifest.schema}
    said |= {path: facts.schema for path, facts in release.facts.data.items() if not facts.broken}
    wrong = [_difference(where, found, wanted) for where, found in said.items() if found != wanted]
    wrong += [
        f"{path} cannot be read as Parquet ({facts.broken})"
        for path, facts in release.facts.data.items()
        if facts.broken
    ]
    return judged("schema", wrong, f"{len(wanted)} columns, as in omi2.rows")


def _difference(where: str, found: card.Schema, wanted: card.Schema) -> str:
    lacks = [f"{name} ({kind})" for name, kind in wanted if (name, kind) not in found]
    extra = [f"{name} ({kind})" for name, kind in found if (name, kind) not in wanted]
    parts = [f"lacks {', '.join(lacks)}"] * bool(lacks) + [f"has {', '.join(extra)}"] * bool(extra)
    return f"{where} {' and '.join(parts) or 'has the columns in another order'}"


def counts(release: Release) -> Gate:
    """Rows agree: in each file, in all, by split and by source."""
    manifest, data = release.manifest, release.facts.data
    rows = {path: facts.rows for path, facts in data.items() if not facts.broken}
    sources = total([facts.sources for facts in data.values()])
    wrong = disagreements(manifest, rows, sources)
    return judged(
        "counts", wrong, f"{manifest.rows:,} rows in the data, the splits and the sources"
    )


def card_agrees(release: Release) -> Gate:
    """The card's configs, splits, features and numbers are the manifest's."""
    if not release.facts.card:
        return Gate(
            "card", "fail", "there is no README.md: load_dataset and the Hub read its configs:"
        )
    said = card.problems(release.facts.card, release.manifest)
    return judged("card", said, "configs, splits, rows and features agree with the manifest")


def sizes(manifest: Manifest) -> Gate:
    """No file, folder or commit beyond the Hub's limits."""
    wrong = [
        f"{path} has {entry.bytes:,} bytes, and the Hub takes {FILE_BYTES:,}: use smaller shards"
        for path, entry in sorted(manifest.files.items())
        if entry.bytes > FILE_BYTES
    ]
    folders: dict[str, int] = {}
    for path in manifest.files:
        folder = path.rpartition("/")[0] or "the root"
        folders[folder] = folders.get(folder, 0) + 1
    wrong += [
        f"{folder} holds {count:,} files, and the Hub takes {FOLDER_FILES:,}: use larger shards"
        for folder, count in sorted(folders.items())
        if count > FOLDER_FILES
    ]
    number = len(manifest.files) + 1
    if number > COMMIT_FILES:
        wrong.append(f"{number:,} files, and one commit takes {COMMIT_FILES:,}: use larger shards")
    largest = max((entry.bytes for entry in manifest.files.values()), default=0)
    return judged("sizes", wrong, f"{number} files in one commit, the largest {largest:,} bytes")


def licence(release: Release) -> Gate:
    """A licence, the same in the manifest and on the card."""
    said = release.manifest.licence
    if said is None:
        return Gate("licence", "fail", "the manifest names no licence, such as cc-by-4.0")
    try:
        on_card = card.front_matter(release.facts.card)[0].get("license")
    except HubError:
        on_card = None
    listed = on_card if isinstance(on_card, list) else [on_card]
    wrong = (
        []
        if said in listed
        else [f"the manifest says {said}, the card {brief(on_card)} (license:)"]
    )
    return judged("licence", wrong, said)


def secrets(release: Release) -> Gate:
    """No string that looks like a credential. A find is told by kind and place, never shown."""
    found = leaks.find(release.facts.texts)
    wrong = [f"{one}: take it out and build again, and revoke it" for one in found]
    return judged("secrets", wrong, f"none found in {len(release.facts.texts)} texts and samples")


def local_folder(repo: str, here: Path) -> Gate:
    """No folder in the working directory that load_dataset would read instead of the Hub."""
    if (here / repo).is_dir():
        return Gate(
            "local folder",
            "fail",
            f"a folder ./{repo} lies in the working directory: load_dataset({repo!r}) would read it"
            " instead of the Hub; run this somewhere else, or rename the folder",
        )
    return Gate("local folder", "ok", f"load_dataset({repo!r}) means the Hub here")


def version(
    asked: Version | None,
    tags: list[Version],
    last: Manifest | None,
    release: Release,
    odd: Mapping[str, str] = MappingProxyType({}),
) -> Gate:
    """The version is the one that follows the highest, for the kind of change that was made.

    `odd` are tags that look like versions and name no release of ours, with what they name. They
    count for nothing, and stand in the way of one version: their own.
    """
    if asked in tags:
        return Gate(
            "version", "fail", f"{asked} exists, and a version never changes: ask for another"
        )
    if not tags or last is None:
        follows, why = asked or parse(FIRST), "it is the first version"
    else:
        kind = kind_of_change(last, release.manifest)
        if kind == "none":
            return Gate(
                "version", "fail", f"nothing differs from {tags[-1]}: there is nothing to publish"
            )
        follows, why = tags[-1].next(kind), f"{CHANGES[kind]} since {tags[-1]}"
    if asked not in (None, follows):
        return Gate("version", "fail", f"{why}, so this is {follows}, not {asked}")
    if str(follows) in odd:
        return Gate(
            "version",
            "fail",
            f"a tag {follows} is on the Hub already, at {odd[str(follows)][:12]}, which is no"
            " release of omi2: delete that tag there, then run the same command again",
        )
    return Gate("version", "ok", f"{follows}: {why}")
