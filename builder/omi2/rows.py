"""The data model: ids, orders and schemas, and nothing else. Every other module imports this one.

Ids are content hashes, so a row has the same name in every run, on every machine, for ever:
xxh3-128, in hex, of the text after `normalise`. Every choice that looks random (which seeds a
limit takes, a row's round, tier, shard and place) comes from `order`, an xxh3-64 of an id under
a salt of its own. `tests/test_rows.py` pins test vectors for all of them; changing any is a
major version of the data.

This is plain Python over xxhash, the definition; `omi2.ids` does the same for whole columns, and a
test holds the two together.
"""

import unicodedata
from collections.abc import Iterable

import pyarrow as pa
import xxhash

ANSWER_TYPES = (
    "integer",
    "decimal",
    "fraction",
    "expression",
    "equation",
    "interval",
    "set",
    "tuple",
    "matrix",
    "text",
    "yes_no",
    "choice",
)
"""What `answer_type` may say, from the most specific number to plain words."""


def normalise(text: str) -> str:
    r"""The text that is hashed: Unicode NFC, every run of white space one space, none at the ends.

    Case, punctuation and LaTeX stay: `$X$` and `$x$` are different problems.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
    return " ".join(text.split())


def problem_id(problem: str) -> str:
    """The id of a problem: 32 hex digits."""
    return xxhash.xxh3_128_hexdigest(normalise(problem).encode())


def row_id(problem: str, solution: str) -> str:
    """The id of a (problem, solution) pair: 32 hex digits.

    A newline parts the two; `normalise` leaves none inside either, so no two pairs run together.
    """
    return xxhash.xxh3_128_hexdigest(f"{normalise(problem)}\n{normalise(solution)}".encode())


def order(salt: str, *keys: object) -> int:
    """A number in [0, 2**64) that looks random and never changes: `order("shard", row_id)`.

    Each use has its own salt, so that what one choice put side by side, the next one scatters.
    """
    return xxhash.xxh3_64_intdigest("\n".join([salt, *map(str, keys)]).encode())


def bucket(problem_id: str, parts: int) -> int:
    """The part, of `parts`, that holds everything about this problem."""
    return int(problem_id[:8], 16) * parts >> 32


def schema(fields: Iterable[tuple[str, pa.DataType]], *, required: Iterable[str] = ()) -> pa.Schema:
    """A schema whose `required` columns may not hold nulls."""
    needed = set(required)
    return pa.schema([pa.field(name, kind, nullable=name not in needed) for name, kind in fields])


_TEXT = pa.string()
_SAMPLING = [
    ("teacher", _TEXT),
    ("prompt", _TEXT),
    ("temperature", pa.float32()),
    ("top_p", pa.float32()),
    ("seed", pa.int64()),
]

PROBLEMS = schema(
    [
        ("problem_id", _TEXT),
        ("problem", _TEXT),
        ("problem_source", _TEXT),
        ("seed_id", _TEXT),  # the seed it was written from; its own id for a seed
        ("gold", _TEXT),  # the answer that came with it; null for a new problem
        ("subject", _TEXT),
        *_SAMPLING,  # how a new problem was written; null for a seed
    ],
    required=("problem_id", "problem", "problem_source", "seed_id"),
)
"""What `seed` and `augment` write: one row a problem."""

OVERLAPS = schema(
    [
        ("problem_id", _TEXT),
        ("verdict", _TEXT),  # clean, contaminated, unknown
        ("rule", _TEXT),  # which rule gave the score: exact, near_dup, rephrase, number_change
        ("score", pa.float32()),
        ("benchmark", _TEXT),
        ("item", _TEXT),
    ],
    required=("problem_id", "verdict", "score"),
)
"""What `decontaminate` writes: one row a problem, its highest overlap with any benchmark item."""

SAMPLES = schema(
    [
        ("problem_id", _TEXT),
        ("sample", pa.int32()),  # 0, 1, ...: with problem_id, the name of a sample
        ("generation", _TEXT),
        ("finish_reason", _TEXT),
        ("tokens", pa.int32()),
        *_SAMPLING,
    ],
    required=("problem_id", "sample", "generation"),
)
"""What `solve` writes: one row a sample, its text as it came."""

GRADES = schema(
    [
        ("problem_id", _TEXT),
        ("sample", pa.int32()),
        ("answer", _TEXT),
        ("expected_answer", _TEXT),
        ("votes", pa.int32()),
        ("votes_total", pa.int32()),
        ("answer_type", _TEXT),
    ],
    required=("problem_id", "sample", "answer", "expected_answer", "votes", "votes_total"),
)
"""What `grade` writes: one row a sample whose answer is the expected one."""

KEPT = schema(
    [
        ("problem_id", _TEXT),
        ("sample", pa.int32()),
        ("row_id", _TEXT),
        ("start", pa.int32()),  # the solution is generation[start:end], in characters,
        ("end", pa.int32()),
        ("expanded", pa.bool_()),  # with its arithmetic expanded when this is true,
        ("text", _TEXT),  # which then stands here
        ("tokens", pa.int32()),
        ("flags", pa.list_(_TEXT)),
    ],
    required=("problem_id", "sample", "row_id", "start", "end", "expanded"),
)
"""What `filter` writes: one row a sample that is kept, and where to cut it."""

DROPPED = schema(
    [
        ("problem_id", _TEXT),
        ("sample", pa.int32()),  # null where a whole problem is dropped
        ("reason", _TEXT),
        ("detail", _TEXT),
        ("text", _TEXT),  # where it is written nowhere else
    ],
    required=("problem_id", "reason"),
)
"""What every stage writes of what it drops: no row vanishes."""

ROWS = schema(
    [
        ("problem", _TEXT),
        ("generated_solution", _TEXT),
        ("expected_answer", _TEXT),
        ("problem_source", _TEXT),
        ("row_id", _TEXT),
        ("problem_id", _TEXT),
        ("seed_id", _TEXT),
        ("teacher", _TEXT),
        ("prompt", _TEXT),
        ("temperature", pa.float32()),
        ("top_p", pa.float32()),
        ("seed", pa.int64()),
        ("votes", pa.int32()),
        ("votes_total", pa.int32()),
        ("answer_type", _TEXT),
        ("solution_tokens", pa.int32()),
        ("grader", _TEXT),
        (
            "overlap",
            pa.struct([("score", pa.float32()), ("benchmark", _TEXT), ("item", _TEXT)]),
        ),
    ]
)
"""The released table. The first four columns are OpenMathInstruct-2's, same names and types."""
