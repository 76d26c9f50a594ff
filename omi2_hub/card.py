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
from omi2_hub.release import Manifest

Schema = tuple[tuple[str, str], ...]


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
            try:
                meta = yaml.safe_load("".join(lines[1:at]))
            except yaml.YAMLError as error:
                first = str(error).splitlines()[0]
                raise HubError(f"the front matter of README.md is not YAML: {first}") from None
            if not isinstance(meta, dict):
                raise HubError("the front matter of README.md is not a table of keys")
            return meta, "".join(lines[at + 1 :])
    raise HubError("the front matter of README.md does not end (no second line ---)")


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
                f"README.md: {entry!r} in configs: is no config_name with a list data_files"
            )
        splits = {}
        for item in data:
            if not isinstance(item, dict) or not isinstance(item.get("split"), str):
                raise HubError(f"README.md: config {name} has data_files without a split: {item!r}")
            path = item.get("path")
            splits[item["split"]] = tuple([path] if isinstance(path, str) else map(str, path or ()))
        found.append(Config(name, splits))
    return found


def problems(card: str, manifest: Manifest) -> list[str]:
    """Where the card and the manifest disagree; empty when they agree."""
    try:
        meta, _ = front_matter(card)
        declared = configs(meta)
    except HubError as error:
        return [str(error)]
    return [
        *_configs(declared, manifest),
        *_info(meta, declared, manifest),
    ]


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
    if listed is None:
        return ["README.md has no dataset_info: in its front matter: rows and features are wanted"]
    entries = listed if isinstance(listed, list) else [listed]
    said = []
    for entry in entries:
        if not isinstance(entry, dict):
            return [f"README.md: {entry!r} in dataset_info: is not a table of keys"]
        config = str(entry.get("config_name", "default"))
        if config not in {c.name for c in declared}:
            said.append(f"README.md: dataset_info has a config {config} that configs: lacks")
        for split in entry.get("splits") or []:
            name = size_split(config, str(split.get("name")))
            rows = split.get("num_examples")
            if not isinstance(split.get("num_bytes"), int):
                said.append(
                    f"README.md: dataset_info gives {name} no num_bytes; datasets ignores it then"
                )
            if name not in manifest.splits:
                said.append(f"README.md: dataset_info has a split {name} that the manifest lacks")
            elif rows != manifest.splits[name].rows:
                said.append(
                    f"README.md: dataset_info gives {name} {rows} rows, the manifest"
                    f" {manifest.splits[name].rows}"
                )
        features = entry.get("features")
        if features is not None and features_of(features) != manifest.schema:
            said.append(
                f"README.md: dataset_info has other features than the schema (config {config})"
            )
    return said


def features_of(listed: Any) -> Schema:
    """`features:` of a card as the manifest writes a schema: (name, Arrow's word for the type)."""
    return tuple((str(item.get("name")), _arrow(item)) for item in listed)


def _arrow(item: Mapping[str, Any]) -> str:
    words = {"float32": "float", "float64": "double", "float16": "halffloat"}
    if "struct" in item:
        inner = ", ".join(f"{f.get('name')}: {_arrow(f)}" for f in item["struct"])
        return f"struct<{inner}>"
    for kind in ("sequence", "list"):
        if kind in item:
            of = item[kind]
            return f"list<element: {_arrow(of) if isinstance(of, dict) else words.get(of, of)}>"
    dtype = str(item.get("dtype"))
    return words.get(dtype, dtype)
