"""What several tests of omi2-hub do to a dataset on the local Hub."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import releases
from .conftest import Said
from .local_hub import Fault, Hub

Run = Callable[..., Said]
NOTHING: Fault = lambda number, method, path: None  # noqa: E731


def push(run: Run, root: Path, repo: str, version: str, *more: object, **how: Any) -> Said:
    return run("push", root, "--repo", repo, "--version", version, "-y", *more, **how)


def changed(tmp_path: Path, *, seed: str = "b", name: str = "omi2") -> Path:
    """The release of the fixture with three rows fewer and six rows more."""
    made = releases.rows_of(60)[3:] + releases.rows_of(6, seed=seed)
    return releases.write(tmp_path / name, made)


def change(hub: Hub, repo: str, version: str, path: str, text: bytes | None) -> None:
    """Change a file of a version behind everybody's back."""
    tree = hub.store.repo("dataset", repo).find(version).tree
    if text is None:
        del tree[path]
    else:
        tree[path] = hub.store.blob(text)


def yank(run: Run, repo: str, version: str, reason: str = "answers are wrong", *more: str) -> Said:
    return run("yank", f"{repo}@{version}", "--reason", reason, "-y", *more)


def text_of(hub: Hub, repo: str, path: str, revision: str = "main") -> str:
    entry = hub.store.repo("dataset", repo).find(revision).tree[path]
    return hub.store.blobs[entry.blob].decode()


def strike(kind: str, at: int) -> Fault:
    """A fault at request `at`, or from it on."""

    def fault(number: int, method: str, path: str) -> str | None:
        if kind == "down":
            return "503" if number >= at else None
        return kind if number == at else None

    return fault


def edit(hub: Hub, repo: str, path: str, text: bytes | None) -> None:
    """What a person does on the Hub's page: a commit to main that changes one file."""
    there = hub.store.repo("dataset", repo)
    tree = {name: entry for name, entry in there.find("main").tree.items() if name != path}
    if text is not None:
        tree[path] = hub.store.blob(text)
    there.add("main", tree, f"Update {path}")


def titles(hub: Hub, repo: str) -> list[str]:
    """The commits of main, newest first, by the first word of their titles."""
    history = hub.store.repo("dataset", repo).history("main")
    return [commit.title.split(":")[0] for commit in history]


def main_of(hub: Hub, repo: str) -> str:
    """The card that main holds."""
    return text_of(hub, repo, "README.md")


def by_hand(hub: Hub, repo: str, root: Path, version: str) -> None:
    """Publish a folder as it is, past every gate, as somebody with a token can."""
    if ("dataset", repo) not in hub.store.repos:
        hub.store.create("dataset", repo, private=False)
    there = hub.store.repo("dataset", repo)
    tree = {".gitattributes": there.history("main")[-1].tree[".gitattributes"]}
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        text, name = path.read_bytes(), path.relative_to(root).as_posix()
        tree[name] = hub.store.blob(text)
        if hub.store.mode(name, len(text)) == "lfs":
            tree[name] = hub.store.keep_bytes(text)
    there.tags[version] = there.add("main", tree, "by hand").oid


def reseal(root: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest, and list the files as they are now."""
    manifest = releases.manifest_of(root)
    change(manifest)
    releases.seal(root, manifest)


def rewrite(root: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest by hand."""
    manifest = releases.manifest_of(root)
    change(manifest)
    (root / "manifest.json").write_text(json.dumps(manifest))
