"""The dataset card, README.md: its YAML front matter against the manifest.

`problems` lists, as sentences, where the two disagree: configs and their files, rows of each split,
features, licence. It wants what `load_dataset` and the Hub's viewer read: explicit `configs:` (or
the viewer guesses splits from file names) and, where the card gives them, the right numbers.

The words under the front matter are not checked; whoever renders the card computes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omi2_hub.errors import HubError
from omi2_hub.manifest import Manifest
from omi2_hub.text import BRIEF, brief, plain

Schema = tuple[tuple[str, str], ...]
NODES = 1_000_000
"""Values in a front matter. A few lines of YAML aliases can stand for any number of them."""


@dataclass(frozen=True)
class Config:
    """One entry of `configs:`: what each split's files are."""

    name: str
    splits: Mapping[str, tuple[str, ...]]


def front_matter(card: str) -> tuple[dict[str, Any], str]:
    """The YAML between the first two lines `---`, and the text after it."""
    import yaml

    lines = card.splitlines(keepends=True)
    if not lines or lines[0].strip() != "---":
        raise HubError("README.md does not begin with YAML front matter (a line ---)")
    for at, line in enumerate(lines[1:], 1):
        if line.strip() == "---":
            text = "".join(lines[1:at])
            try:
                meta = yaml.safe_load(text)
            except (yaml.YAMLError, ValueError, RecursionError) as error:
                first = plain((str(error).splitlines() or [type(error).__name__])[0])[:BRIEF]
                raise HubError(f"the front matter of README.md is not YAML: {first}") from None
            if not isinstance(meta, dict):
                raise HubError("the front matter of README.md is not a table of keys")
            if _larger_than(meta, NODES):
                raise HubError(
                    f"the front matter of README.md stands for more than {NODES:,} values: write"
                    " fewer, or fewer aliases (*)"
                )
            return meta, "".join(lines[at + 1 :])
    raise HubError("the front matter of README.md does not end (no second line ---)")


def _larger_than(value: Any, count: int) -> bool:
    """Whether a value holds more values than that, those that are repeated counted each time."""
    left = [value]
    while left and count:
        one, count = left.pop(), count - 1
        if isinstance(one, dict):
            left.extend([*one, *one.values()])
        elif isinstance(one, (list, tuple, set)):
            left.extend(one)
    return bool(left)


def configs(meta: Mapping[str, Any]) -> list[Config]:
    """The configs, each with explicit files per split."""
    listed = meta.get("configs")
    if not isinstance(listed, list) or not listed:
        raise HubError(
            "README.md has no configs: in its front matter; the Hub would guess the splits"
        )
    found = []
    for entry in listed:
        name = entry.get("config_name") if isinstance(entry, dict) else None
        data = entry.get("data_files") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not isinstance(data, list):
            raise HubError(
                f"README.md: {brief(entry)} in configs: is no config_name with a list data_files"
            )
        splits = {}
        for item in data:
            if not isinstance(item, dict) or not isinstance(item.get("split"), str):
                raise HubError(
                    f"README.md: config {brief(name)} has data_files without a split: {brief(item)}"
                )
            path = item.get("path")
            paths = [path] if isinstance(path, str) else path or []
            if not isinstance(paths, list) or not all(isinstance(one, str) for one in paths):
                raise HubError(
                    f"README.md: config {brief(name)} has a path that is no file and no list of"
                    f" files: {brief(path)}"
                )
            splits[item["split"]] = tuple(paths)
        found.append(Config(name, splits))
    return found


def problems(card: str, manifest: Manifest) -> list[str]:
    """Where the card as it was built and the manifest disagree; empty when they agree."""
    try:
        meta, _ = front_matter(card)
        declared = configs(meta)
        own = ["README.md gives a version: of its own: leave it out, a push writes the tag's"]
        return [
            *(own if "version" in meta else []),
            *_configs(declared, manifest),
            *_info(meta, declared, manifest),
        ]
    except (HubError, ValueError) as error:
        return [str(error)]


def size_split(config: str, split: str) -> str:
    """The manifest's name for a config's split: config 1M, split train is train_1M."""
    return split if config == "default" else f"{split}_{config}"


def _configs(declared: list[Config], manifest: Manifest) -> list[str]:
    """Every split of every config lists exactly the files of that split, and none is missing."""
    said, known = [], dict(manifest.splits)
    default = next((c for c in declared if c.name == "default"), None)
    if default is None:
        return ["README.md has no config named default"]
    for name in sorted(known.keys() - default.splits.keys()):
        said.append(f"README.md: config default lacks the split {name}")
    for config in declared:
        for split, paths in config.splits.items():
            name = size_split(config.name, split)
            if name not in known:
                said.append(
                    f"README.md: config {config.name} has a split {split} the manifest lacks"
                )
                continue
            files = _matching(paths, manifest.data)
            if files != set(known[name].files):
                odd = sorted(files ^ set(known[name].files))
                said.append(
                    f"README.md: config {config.name}, split {split} lists other files than the"
                    f" manifest ({', '.join(odd[:3])}{' ...' if len(odd) > 3 else ''})"
                )
    return said


def _matching(patterns: tuple[str, ...], paths: list[str]) -> set[str]:
    """The files that the patterns name; a pattern that matches none stays, as itself."""
    from fnmatch import fnmatchcase

    found: set[str] = set()
    for pattern in patterns:
        found |= {path for path in paths if fnmatchcase(path, pattern)} or {pattern}
    return found


def _info(meta: Mapping[str, Any], declared: list[Config], manifest: Manifest) -> list[str]:
    """`dataset_info:` gives each split's rows, and the features of the schema."""
    listed = meta.get("dataset_info")
    if not listed:
        return ["README.md has no dataset_info: in its front matter: rows and features are wanted"]
    entries = listed if isinstance(listed, list) else [listed]
    said = []
    for entry in _tables(entries, "dataset_info"):
        config = str(entry.get("config_name", "default"))[:BRIEF]
        if config not in {c.name for c in declared}:
            said.append(f"README.md: dataset_info has a config {config} that configs: lacks")
        for split in _tables(entry.get("splits", []), f"the splits of config {config}"):
            name = size_split(config, str(split.get("name"))[:BRIEF])
            rows = split.get("num_examples")
            if not isinstance(split.get("num_bytes"), int):
                said.append(
                    f"README.md: dataset_info gives {name} no num_bytes; datasets ignores it then"
                )
            if name not in manifest.splits:
                said.append(f"README.md: dataset_info has a split {name} that the manifest lacks")
            elif rows != manifest.splits[name].rows:
                said.append(
                    f"README.md: dataset_info gives {name} {brief(rows)} rows, the manifest"
                    f" {manifest.splits[name].rows}"
                )
        features = entry.get("features")
        if features is not None and features_of(features) != manifest.schema:
            said.append(
                f"README.md: dataset_info has other features than the schema (config {config})"
            )
    return said


def _tables(listed: Any, what: str) -> list[dict[str, Any]]:
    """A list of tables, as the card must have it there."""
    odd = [one for one in listed if not isinstance(one, dict)] if isinstance(listed, list) else []
    if odd or not isinstance(listed, list):
        found = brief(odd[0] if odd else listed)
        raise HubError(f"README.md: {what} is no list of tables, but has {found}")
    return listed


def features_of(listed: Any) -> Schema:
    """`features:` of a card as the manifest writes a schema: (name, Arrow's word for the type)."""
    return tuple((str(item.get("name")), _arrow(item)) for item in _tables(listed, "features"))


def _arrow(item: Mapping[str, Any]) -> str:
    words = {"float32": "float", "float64": "double", "float16": "halffloat"}
    if "struct" in item:
        inner = ", ".join(
            f"{f.get('name')}: {_arrow(f)}" for f in _tables(item["struct"], "struct")
        )
        return f"struct<{inner}>"
    for kind in ("sequence", "list"):
        if kind in item:
            of = item[kind]
            return (
                f"list<element: {_arrow(of) if isinstance(of, dict) else words.get(str(of), of)}>"
            )
    dtype = str(item.get("dtype"))
    return words.get(dtype, dtype)
