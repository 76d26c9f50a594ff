"""What problems are compared with: an index, a file of texts, or a benchmark by its name.

`resolve` takes any of them:

- the name of an index that ships with omi2 (`test-sets`, `more-sets`), or an .npz file;
- a Parquet or JSONL file with a column `problem` or `question` (rows of the split `test`, where it
  has a column `split` with such rows): then the texts are at hand, for MinHash, for embeddings and
  for evidence that shows both sides;
- a benchmark of `benchmarks.toml` (`math/test`, or `math` for short): from the index that ships, or
  with `texts` from the Hub, at its pinned revision where one is known.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from omi2.errors import UsageError
from omi2.overlap import index
from omi2.overlap.benchmarks import content, coverage, covered, known
from omi2.overlap.checker import Checker
from omi2.overlap.inputs import read_problems
from omi2.recipe import Decontaminate, Source
from omi2.sources import read

Texts = list[tuple[str, str, str]]
"""(benchmark, item id, problem)"""


def checker(
    against: Iterable[str], rules: Decontaminate | None = None, *, texts: bool = False
) -> tuple[Checker, Texts]:
    """A checker for all of these, and the texts that are at hand. Raises UsageError, RemoteError.

    The n-grams are as long as the indexes say.
    """
    rules = rules or Decontaminate()
    named = list(dict.fromkeys(against))
    if not named:
        raise UsageError("nothing to compare with: name an index, a file or a benchmark")
    stems = Counter(Path(name).stem for name in named)
    found = [
        resolve(n, rules.ngram, texts=texts, own=n if stems[Path(n).stem] > 1 else Path(n).stem)
        for n in named
    ]
    held = [text for _, more in found for text in more]
    return Checker(index.merge([one for one, _ in found]), rules, held), held


def resolve(
    name: str, ngram: int, *, texts: bool = False, own: str = ""
) -> tuple[index.Index, Texts]:
    """The index of one thing to compare with, and its texts where they are at hand.

    `own` is what a file is called as a benchmark; its name without ending, where none is given.
    """
    path = Path(name)
    if path.suffix in (".parquet", ".jsonl", ".ndjson"):
        return _from_file(path, own or path.stem, ngram)
    full = name if name in known() else f"{name}/test"
    entry = known().get(full)
    if entry is None or path.is_file():
        return _load(name), []
    if not texts:
        return index.select(index.load(entry["index"]), [full]), []
    if not entry.get("dataset"):
        raise UsageError(
            f"{name}: omi2 holds hashes of it and no pinned address of its texts "
            f"(licence: {entry['licence']}): give its problems as a Parquet or JSONL file"
        )
    return _from_hub(full, entry, ngram)


def gather(rules: Decontaminate) -> tuple[index.Index, Texts]:
    """All that a recipe compares with, each benchmark by a name of its own, and the texts.

    Hashes of a benchmark whose texts are there too are left out. Raises UsageError where a name
    stands for two things, such as a file with a few problems that is called like a known benchmark.
    """
    if not rules.index and not rules.benchmarks:
        raise UsageError("[decontaminate] names neither an index nor benchmarks to compare with")
    indexes = [index.load(name) for name in rules.index]
    for name, found in zip(rules.index, indexes, strict=True):
        if found.n != rules.ngram:
            raise UsageError(
                f"the overlap index {name} holds {found.n}-grams and the recipe asks for ngram = "
                f"{rules.ngram}: make the index anew with --ngram {rules.ngram}"
            )
    by_name = {name: one for one in indexes for name in map(_name, one.benchmarks)}
    texts: Texts = []
    for source in rules.benchmarks:
        made, held = benchmark(source, rules.ngram)
        name = f"{source.name}/{source.split}"
        if name in by_name:
            before, now = index.select(by_name[name], [name]), [text for _, _, text in held]
            if not covered(len(before.items), found_ := coverage(before, now)):
                raise UsageError(
                    f"[decontaminate] names two different benchmarks {name}: the second, of "
                    f"{len(now):,} problems, holds {found_:,} of the {len(before.items):,} items "
                    "of the first; give it another name"
                )
        by_name[name] = made
        indexes.append(made)
        texts = [one for one in texts if one[0] != name] + held
    chosen = [[name for name in by_name if by_name[name] is one] for one in indexes]
    parts = [index.select(one, names) for one, names in zip(indexes, chosen, strict=True) if names]
    return index.merge(parts), texts


def benchmark(source: Source, ngram: int) -> tuple[index.Index, Texts]:
    """The index and the texts of a benchmark that a recipe names: a Parquet or JSONL file, or a
    data set on the Hub."""
    name = f"{source.name}/{source.split}"
    if Path(source.file).suffix in (".jsonl", ".ndjson"):
        loaded = read_problems(source.file, column=source.problem, split=source.split)
        items = list(zip(loaded.ids, loaded.problems, strict=True))
        origin = {"file": Path(source.file).name}
    else:
        found = read(source)
        items = [(str(p["id"]), p["problem"] or "") for p in found.problems]
        origin = found.origin
    return _built(name, items, ngram, origin)


def _load(name: str) -> index.Index:
    try:
        return index.load(name)
    except UsageError as error:
        if Path(name).exists():
            raise
        names = ", ".join(known())
        raise UsageError(f"{error}; benchmarks known by name: {names}") from None


def _from_file(path: Path, name: str, ngram: int) -> tuple[index.Index, Texts]:
    loaded = read_problems(path, split="test")
    return _built(name, list(zip(loaded.ids, loaded.problems, strict=True)), ngram, {})


def _from_hub(name: str, entry: Mapping[str, Any], ngram: int) -> tuple[index.Index, Texts]:
    source = Source(
        name=name.partition("/")[0],
        dataset=entry["dataset"],
        revision=entry.get("revision", ""),
        subsets=tuple(entry.get("subsets", ())),
        split=entry.get("split", "test"),
        problem=entry.get("problem", "problem"),
        answer="",
    )
    found = read(source)
    items = [(str(p["id"]), p["problem"] or "") for p in found.problems]
    return _built(name, items, ngram, found.origin)


def _built(
    name: str, items: Sequence[tuple[str, str]], ngram: int, origin: Mapping[str, str]
) -> tuple[index.Index, Texts]:
    """The index of one benchmark, which says by its content hash what was compared."""
    origin = {**origin, "content": content(text for _, text in items)}
    items = _told_apart(items)
    return index.build(name, items, ngram, origin), [(name, item, text) for item, text in items]


def _told_apart(items: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Items of which each has a name of its own: what finds a text by its name finds the right one.

    >>> _told_apart([("1", "a"), ("1", "b")])
    [('1', 'a'), ('1 (2)', 'b')]
    """
    found: dict[str, str] = {}
    for name, text in items:
        more = (f"{name} ({count})" for count in itertools.count(2))
        found[next(n for n in itertools.chain([name], more) if n not in found)] = text
    return list(found.items())


def _name(benchmark: Mapping[str, object]) -> str:
    return str(benchmark["name"])


def texts_of(held: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str], str]:
    """The texts by (benchmark, item id)."""
    return {(benchmark, item): text for benchmark, item, text in held}
