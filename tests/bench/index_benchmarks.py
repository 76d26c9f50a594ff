"""Write the indexes that ship with omi2: hashes of the benchmarks in its table, no text.

    python tests/bench/index_benchmarks.py [--data ../shared/data] [--check]

Each index holds the benchmarks of `builder/omi2/overlap/benchmarks.toml` that name it, in the order
of the table, from the files of `DATA/benchmarks`. A file that is not what the table's content hash
says is refused. `--check` writes nothing, and exits 1 where an index is not what would be written.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import polars as pl

from omi2.overlap import benchmarks, index
from omi2.overlap.index import Index
from omi2.recipe import Decontaminate

OVERLAP = Path(index.__file__).parent


def made(data: Path) -> dict[str, Index]:
    """Every index that ships, by name."""
    found: dict[str, list[Index]] = {}
    for name, entry in benchmarks.known().items():
        stem, _, split = name.partition("/")
        path = data / "benchmarks" / f"{entry.get('file', stem)}.parquet"
        table = pl.read_parquet(path).filter(pl.col("split") == split)
        content = benchmarks.content(table["problem"])
        if content != entry["content"]:
            sys.exit(f"{path} is not the {name} of the table: its content is {content}")
        items = list(zip(table["id"], table["problem"], strict=True))
        one = index.build(name, items, Decontaminate().ngram, {"content": content})
        found.setdefault(entry["index"], []).append(one)
    return {name: index.merge(parts) for name, parts in found.items()}


def main() -> None:
    """Write them, or compare."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--check", action="store_true")
    told = parser.parse_args()
    wrong = []
    for name, one in made(told.data).items():
        path = OVERLAP / f"{name}.npz"
        with tempfile.TemporaryDirectory() as folder:
            index.save(one, new := Path(folder) / "new.npz")
            same = path.is_file() and new.read_bytes() == path.read_bytes()
            sizes = {str(b["name"]): b["items"] for b in one.benchmarks}
            print(
                f"{path.name}: {new.stat().st_size:,} bytes, {sizes}{'' if same else ', differs'}"
            )
            if not same:
                wrong.append(name)
                if not told.check:
                    path.write_bytes(new.read_bytes())
    if told.check and wrong:
        sys.exit(1)


if __name__ == "__main__":
    main()
