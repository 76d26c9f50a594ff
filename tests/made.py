"""Made data for tests: problems and generations of our own, with known right answers."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

PADDING = (
    "First we write down what is given and what is asked for, and then we go on step by step, "
    "checking every step against the text before the next one, so that nothing is left out here. "
)


def problem(number: int) -> tuple[str, str]:
    """A problem and its answer."""
    a, b = number * 7 + 3, number * 5 + 11
    return f"A quarry sorts {a} grey slabs and {b} pale slabs in week {number}. How many?", str(
        a + b
    )


def generation(number: int, sample: int) -> str:
    """A solution: samples 0 and 1 are right, 2 is wrong, 3 has no answer, 4 has bad arithmetic."""
    a, b = number * 7 + 3, number * 5 + 11
    match sample:
        case 2:
            return f"{PADDING}We guess. So there are \\boxed{{{a + b + 1}}} slabs."
        case 3:
            return f"{PADDING}It cannot be said."
        case 4:
            return (
                f"{PADDING}We add {a} + {b} = {a + b + 2}. So there are \\boxed{{{a + b}}} slabs."
            )
    return f"{PADDING}Way {sample}: {a} + {b} = {a + b}. So there are \\boxed{{{a + b}}} slabs."


def replay_file(path: Path, problems: int = 12, *, gold: bool = True) -> Path:
    """A Parquet file of recorded generations, five a problem."""
    rows: list[dict[str, Any]] = []
    for number in range(problems):
        text, answer = problem(number)
        for sample in range(5):
            row = {"problem": text, "generation": generation(number, sample), "model": "made"}
            rows.append(row | ({"gold": answer} if gold else {}))
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def seed_file(path: Path, problems: int = 6) -> Path:
    """A Parquet file of seeds in the shape of a benchmark, train and test rows."""
    rows = []
    for number in range(problems):
        text, answer = problem(number)
        split = "test" if number == problems - 1 else "train"
        rows.append({"id": f"made/{number}", "problem": text, "answer": answer, "split": split})
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != ".lock"
    }
