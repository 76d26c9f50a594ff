"""The functions for whole columns say what those for one text say: ids, tokens, rules."""

import random

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from omi2 import ids, rows
from omi2.arithmetic import claim
from omi2.arithmetic_column import claims_of
from omi2.recipe import Filter
from omi2.rules import judge, rewrite
from omi2.rules_column import judge_column
from omi2.texts import count_tokens
from omi2.tokens import count_column

TEXTS = st.lists(
    st.text()
    | st.lists(
        st.sampled_from([*"ab ’≠é", "  ", "\t", "\n", "\n\n", "\r\n", "e\u0301", "\x1c"])
    ).map("".join),
    max_size=6,
)  # fmt: skip


def strings(texts: list[str]) -> pl.Series:
    return pl.Series("texts", texts, dtype=pl.String)


@settings(deadline=None)
@given(TEXTS)
@example(["\na", "a\n", "a\n b"])
def test_ids_of_columns(texts: list[str]) -> None:
    column = strings(texts)
    assert ids.problem_ids(column).to_list() == [rows.problem_id(text) for text in texts]
    pairs = list(zip(texts, reversed(texts), strict=True))
    assert ids.row_ids(column, column.reverse()).to_list() == [rows.row_id(*pair) for pair in pairs]


@given(TEXTS, st.sampled_from([1, 3, 256]))
def test_orders_and_buckets_of_columns(texts: list[str], parts: int) -> None:
    names = [rows.problem_id(text) for text in texts]
    column = strings(names)
    assert ids.orders("place", column).tolist() == [rows.order("place", name) for name in names]
    assert ids.buckets(column, parts).tolist() == [rows.bucket(name, parts) for name in names]


def test_a_null_problem_is_an_empty_one() -> None:
    assert ids.problem_ids(pl.Series([None, "a"])).to_list() == [
        rows.problem_id(""),
        rows.problem_id("a"),
    ]


PIECES = ["a", "bc", "'", "s", "ll", "'ve", " ", "  ", "\t", "\n", "\r\n", "1", "23", "4567",
          "$", "\\", "_", "é", "½", "−", "x'd", "\x00", "\x1c", "’",
          "．", "東", "²", "\xa0"]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=9).map("".join) | st.text(), max_size=8))
@example(["4567"])
def test_tokens_of_columns(texts: list[str]) -> None:
    assert count_column(strings(texts)).to_list() == [count_tokens(text) for text in texts]


def test_tokens_across_blocks_and_of_long_numbers() -> None:
    dice = random.Random(7)
    texts = ["".join(dice.choices(PIECES, k=dice.randrange(400))) for _ in range(600)]
    texts += ["7" * count for count in range(40)] + ["3." + "3" * 1000, "word " * 40_000, ""]
    assert count_column(strings(texts)).to_list() == [count_tokens(text) for text in texts]


NUMBERS = st.sampled_from(["0", "1", "2", "3", "12", "007", "0.5", "2.50", "999999", "1000000"])
SIDES = st.lists(NUMBERS, min_size=1, max_size=4).flatmap(
    lambda numbers: st.tuples(
        *(st.tuples(st.sampled_from(["+", "-", "*", "/", " + ", " * ", " - ", "+ "]), st.just(n))
          for n in numbers)
    )
).map(lambda pairs: "".join("".join(pair) for pair in pairs)[1:].strip())  # fmt: skip


@settings(deadline=None)
@given(SIDES, st.sampled_from(["=", " = ", "= "]), SIDES | st.integers(-9, 10**7).map(str),
       st.sampled_from(["", " ", " +", ")", " = "]))  # fmt: skip
@example("2 + 3 * 4", " = ", "14", "")
@example("2*3", "=", "7", " ")
@example("999999999999.1 - 999999999999.0", " = ", "0.1", "")  # floats cancel out
@example("10", "=", "10/3.0002", "")
@example("10/3", "=", "3.3333333333333335", "")
@example("(2+3", "=", "6", "")  # a bracket stays open
@example("2(3)+1*2", "=", "9", "")  # no expression
@example("9*3", "=", ".5+26", "")
@example("9*3", "=", ".5+26", "=4")
def test_claims_of_columns(left: str, equals: str, right: str, end: str) -> None:
    run = left + equals + right + end
    told = claims_of(strings([run])).rows()
    wanted = claim(run)
    assert told == ([] if wanted is None else [(run, *wanted)])


SOLUTIONS = ["My solution:", "\\boxed{", "\\boxed{1}", "\\boxed{\\frac{1}{2}}", "\\boxed 1", "}",
             "\\[", "\\]", "$$", ". ", "\n", " ", "é", "2+3*4 = 14", "=", "(", ")", "1", "+", "-",
             "/", "9.5", "x", "\x00", "2+2 = 5", "3+4=7", "−", "\\fbox{2}", "import ", "!", "? ",
             "\nimport math", "\t", "\x1c", "\xa0", ".", "f (2+3) = 6", "1/3 = 0.3333",
             "10/0 = 1", "0.1+0.2=0.3", "<<48/2=24>>", "Final answer: 7", "final answer is 1",
             "7 = 2+2 = 5", "0.5+2.5+1 = 4", "0.5+2 = 3", "2+3*4 = .5", "2+3*4 = ()",
             "[asy]", "<|im_end|>", "\\begin{tikzpicture}", "</s>", "<svg ",
             "a box", "M", "*",
             "$.", "“box”", "boxed{1}", "\\", "\nfrom x import"]  # fmt: skip


def check(texts: list[str], rules: Filter) -> None:
    """Compare the column with `judge`, row by row."""
    found = judge_column(strings(texts), rules)
    assert len(found) == len(texts)
    for text, row in zip(texts, found.iter_rows(named=True), strict=True):
        wanted = judge(text, rules)
        assert (row["reason"], row["detail"]) == (wanted.reason, wanted.detail), text
        if wanted.reason in ("", "too_long"):
            cut = (wanted.start, wanted.end, wanted.expanded)
            assert (row["start"], row["end"], row["expanded"]) == cut, text
            assert row["tokens"] == wanted.tokens, text
            if not wanted.reason:
                assert tuple(row["flags"]) == wanted.flags, text
            assert row["solution"] == rewrite(text, *cut), text


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.lists(st.sampled_from(SOLUTIONS), max_size=14).map("".join) | st.text()),
    trim=st.sampled_from(["sentence", "line", "off"]),
    one_box=st.booleans(),
    arithmetic=st.booleans(),
    split=st.booleans(),
    drop=st.sampled_from([(), ("no_box",), ("diagram", "control_tokens"), ("code",)]),
)
def test_rules_of_columns(
    texts: list[str], trim: str, one_box: bool, arithmetic: bool, split: bool, drop: tuple[str, ...]
) -> None:
    rules = Filter(one_box, trim, arithmetic, split, True, drop, min_chars=0, max_tokens=20)
    check(texts, rules)


@pytest.mark.parametrize("trim", ["sentence", "line", "off"])
def test_rules_of_thousands(trim: str) -> None:
    dice = random.Random(5)
    texts = ["".join(dice.choices(SOLUTIONS, k=dice.randrange(14))) for _ in range(4000)]
    check(texts, Filter(trim=trim, min_chars=0, max_tokens=20))


def test_space_at_the_end_is_no_cut() -> None:
    check([f"Final answer: 7.[asy]$ {end}" for end in ("", "\n", "\x1c")], Filter(min_chars=0))


@pytest.mark.parametrize(
    ("opens", "closes"), [("\\[", "\\]"), ("$$", "$$"), ("\\begin{a}", "\\end{a}")]
)
def test_a_cut_leaves_no_formula_open(opens: str, closes: str) -> None:
    text = f"{opens} \\boxed{{1}}. So {closes}"
    check([f"{text} and so on"], Filter(min_chars=0))
    assert judge(f"{text} and so on", Filter(min_chars=0)).end == len(text)


def test_white_space_that_only_python_knows() -> None:
    texts = ["\xa0My solution:\nIt is \\boxed{1}", "It is \\boxed{1}.\x1cAnd so on"]
    check(texts, Filter(min_chars=0))
    assert judge(texts[1], Filter(min_chars=0)).end == len("It is \\boxed{1}.")


def test_a_cut_before_another_box_is_not_matching() -> None:
    rules = Filter(one_box=False, min_chars=0)
    check(["It is \\boxed{1}. No, \\boxed{2}"], rules)
    assert judge("It is \\boxed{1}. No, \\boxed{2}", rules).reason == "box_not_matching"


def test_what_is_no_box_behind_its_backslash() -> None:
    check(["boxed{1}\\", "“box” \\boxed{1}", "\\“boxed{1}"], Filter(min_chars=0))


@pytest.mark.shared
@pytest.mark.parametrize("name", ["gsm8k", "math", "openmathinstruct2_sample"])
def test_rules_of_real_generations(name: str, shared_data: object) -> None:
    texts = pl.read_parquet(f"{shared_data}/generations/{name}.parquet")["generation"]
    for trim in ("sentence", "line"):
        check(texts.head(1000).to_list(), Filter(trim=trim))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece", ["=", "(", "1+", "1=", "((1+", "1+1=", "\\boxed{", "\\boxed{1}", "{", "a.", "1+1=3, "]
)
def test_megabytes_of_one_piece_are_judged_in_time(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    assert len(judge_column(strings([text, "x"]), Filter())) == 2
