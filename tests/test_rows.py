"""Ids and orders: pinned vectors (from xxhash alone), what they fold, and what they keep apart."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omi2 import rows


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ""),
        (" \t\n ", ""),
        ("a", "a"),
        ("  a  b\n\nc\t", "a b c"),
        ("a\r\nb", "a b"),
        ("a\u00a0b\u2003c\u3000", "a b c"),  # no-break, em and ideographic space
        ("cafe\u0301", "caf\u00e9"),  # NFC composes
        ("\u212b", "\u00c5"),  # the angstrom sign is canonically an A with a ring
        ("x\u00b2", "x\u00b2"),  # NFC, not NFKC: a square stays a square
        ("\ufb01", "\ufb01"),  # and a ligature a ligature
        ("$X$ $x$.", "$X$ $x$."),  # case and punctuation stay
        ("a\u200bb", "a\u200bb"),  # a zero width space is no white space to Unicode
    ],
)
def test_normalise(text: str, wanted: str) -> None:
    assert rows.normalise(text) == wanted


@given(st.text())
def test_normalise_is_idempotent(text: str) -> None:
    once = rows.normalise(text)
    assert rows.normalise(once) == once
    assert "\n" not in once
    assert once == once.strip()


@pytest.mark.parametrize(
    ("problem", "wanted"),
    [
        ("What is 1 + 1?", "7ac401b5fc7e3daaaed7d831c6ee86bd"),
        ("  What is\n1 +  1? ", "7ac401b5fc7e3daaaed7d831c6ee86bd"),
        ("caf\u00e9", "fc88ba8ad8a06b6234b319bdcedd52af"),
        ("cafe\u0301", "fc88ba8ad8a06b6234b319bdcedd52af"),
        ("", "99aa06d3014798d86001c324468d497f"),  # xxh3-128 of nothing, as its authors give it
    ],
)
def test_problem_id(problem: str, wanted: str) -> None:
    assert rows.problem_id(problem) == wanted


@pytest.mark.parametrize(
    ("problem", "solution", "wanted"),
    [
        ("What is 1 + 1?", "It is 2.", "3cf6e89cfb79f6dbc1be8c5883bbf142"),
        ("What is  1 + 1?\n", "\nIt\tis 2.", "3cf6e89cfb79f6dbc1be8c5883bbf142"),
        ("", "", "7858ef011ea0bad1384868fba0c21fdc"),
    ],
)
def test_row_id(problem: str, solution: str, wanted: str) -> None:
    assert rows.row_id(problem, solution) == wanted


def test_problem_and_solution_do_not_run_together() -> None:
    pairs = [
        ("a", "b c"),
        ("a b", "c"),
        ("a b\nc", "c"),
        ("a", "b\nc c"),
        ("a b c", ""),
        ("", "a b c"),
    ]
    assert len({rows.row_id(*pair) for pair in pairs}) == len(pairs)


@pytest.mark.parametrize(
    ("salt", "keys", "wanted"),
    [
        ("shard", ("abc",), 696436277908127768),
        ("tier", ("abc",), 7491276096672000295),  # each use its own salt
        ("shard", (), 5162630128756879299),
        ("a", ("b", 3), 3439470148448388424),  # a number counts as its digits
    ],
)
def test_order(salt: str, keys: tuple[object, ...], wanted: int) -> None:
    assert rows.order(salt, *keys) == wanted


@pytest.mark.parametrize(
    ("problem_id", "parts", "wanted"),
    [
        ("00000000" + "f" * 24, 4, 0),
        ("3fffffff" + "f" * 24, 4, 0),
        ("40000000" + "0" * 24, 4, 1),
        ("ffffffff" + "f" * 24, 4, 3),
        ("ffffffff" + "f" * 24, 7, 6),
        ("ffffffff" + "0" * 24, 1, 0),
        ("7ac401b5fc7e3daaaed7d831c6ee86bd", 256, 0x7A),  # 256 parts: the first two digits
        ("7ac401b5fc7e3daaaed7d831c6ee86bd", 16, 7),
    ],
)
def test_bucket(problem_id: str, parts: int, wanted: int) -> None:
    assert rows.bucket(problem_id, parts) == wanted


@pytest.mark.parametrize("parts", [1, 2, 3, 7, 16, 100])
def test_buckets_are_all_used_and_about_as_full(parts: int) -> None:
    held = [0] * parts
    for i in range(parts * 200):
        held[rows.bucket(rows.problem_id(f"problem {i}"), parts)] += 1
    assert min(held) > 100
    assert max(held) < 300


def test_the_released_table_begins_as_openmathinstruct_2() -> None:
    wanted = ["problem", "generated_solution", "expected_answer", "problem_source"]
    assert rows.ROWS.names[:4] == wanted
    assert rows.ROWS.types[:4] == [pa.string()] * 4


def test_a_required_column_refuses_nulls() -> None:
    made = rows.schema([("a", pa.string()), ("b", pa.int32())], required=["b"])
    assert [field.nullable for field in made] == [True, False]
