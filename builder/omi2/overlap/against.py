"""What problems are compared with: an index, a file of texts, or a benchmark by its name.

`resolve` takes any of them:

- the name of an index that ships with omi2 (`test-sets`, `more-sets`), or an .npz file;
- a Parquet or JSONL file with a column `problem` or `question` (rows of the split `test`, where it
  has a column `split` with such rows): then the texts are at hand, for MinHash, for embeddings and
  for evidence that shows both sides;
- a benchmark of `benchmarks.toml` (`math/test`, or `math` for short): from the index that ships, or
  else from the Hub at its pinned revision. With `texts`, from the Hub all the same.
"""

import functools
import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from omi2 import rows
from omi2.errors import UsageError
from omi2.overlap import index
from omi2.overlap.checker import Checker
from omi2.overlap.inputs import read_problems
from omi2.recipe import Decontaminate, Source
from omi2.sources import read

Texts = list[tuple[str, str, str]]
"""(benchmark, item id, problem)"""


@functools.cache
def known() -> Mapping[str, Mapping[str, Any]]:
    """The table of benchmarks, by name."""
    text = (files("omi2") / "overlap" / "benchmarks.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def checker(
    against: Iterable[str], rules: Decontaminate | None = None, *, texts: bool = False
) -> tuple[Checker, Texts]:
    """A checker for all of these, and the texts that are at hand. Raises UsageError, RemoteError.

    The n-grams are as long as the indexes say.
    """
    rules = rules or Decontaminate()
    found = [resolve(name, rules.ngram, texts=texts) for name in against]
    if not found:
        raise UsageError("nothing to compare with: name an index, a file or a benchmark")
    held = [text for _, more in found for text in more]
    return Checker(index.merge([one for one, _ in found]), rules, held), held


def resolve(name: str, ngram: int, *, texts: bool = False) -> tuple[index.Index, Texts]:
    """The index of one thing to compare with, and its texts where they are at hand."""
    path = Path(name)
    if path.suffix in (".parquet", ".jsonl"):
        return _from_file(path, ngram)
    full = name if name in known() else f"{name}/test"
    entry = known().get(full)
    if entry is None or path.is_file():
        return _load(name), []
    if entry["index"] and not texts:
        return index.select(index.load(entry["index"]), full), []
    if not entry.get("dataset"):
        raise UsageError(
            f"{name}: omi2 holds neither an index nor a pinned address of it "
            f"(licence: {entry['licence']}): give its problems as a Parquet or JSONL file"
        )
    return _from_hub(full, entry, ngram)


def content(problems: Iterable[str]) -> str:
    """What `content` in the table is: one hash of a set of problems, in any order."""
    ids = sorted(rows.problem_id(problem) for problem in problems)
    return hashlib.sha256("".join(f"{name}\n" for name in ids).encode()).hexdigest()


def _load(name: str) -> index.Index:
    try:
        return index.load(name)
    except UsageError as error:
        if Path(name).exists():
            raise
        names = ", ".join(known())
        raise UsageError(f"{error}; benchmarks known by name: {names}") from None


def _from_file(path: Path, ngram: int) -> tuple[index.Index, Texts]:
    loaded = read_problems(path, split="test")
    items = list(zip(loaded.ids, loaded.problems, strict=True))
    made = index.build(path.stem, items, ngram, {"content": content(loaded.problems)})
    return made, [(path.stem, item, text) for item, text in items]


def _from_hub(name: str, entry: Mapping[str, Any], ngram: int) -> tuple[index.Index, Texts]:
    source = Source(
        name=name.partition("/")[0],
        dataset=entry["dataset"],
        revision=entry["revision"],
        subsets=tuple(entry["subsets"]),
        split="test",
        problem=entry["problem"],
        answer="",
    )
    items = [(str(p["id"]), p["problem"] or "") for p in read(source).problems]
    origin = {"dataset": source.dataset, "revision": source.revision}
    told = content(text for _, text in items)
    if told != entry["content"]:
        origin["content"] = told
    return index.build(name, items, ngram, origin), [(name, item, text) for item, text in items]


def texts_of(held: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str], str]:
    """The texts by (benchmark, item id)."""
    return {(benchmark, item): text for benchmark, item, text in held}
