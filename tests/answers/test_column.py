"""The column form says what `extract` says, row by row, on common endings, odd ones, hostile ones.

And `extract`'s short cuts say what the long way says.
"""

import random

import polars as pl
import pytest

from omi2.answers import boxes, extract, extract_column
from omi2.answers.boxed import final_boxes, only_box
from omi2.answers.extract import _FINAL

LONG = "so we go on and on. " * 30
TEXTS = [
    r"\boxed{5}",
    LONG + r"\boxed{\frac{\sqrt{3}}{2}}.",
    LONG + r"\boxed{\{1,2\}}",
    LONG + r"\boxed{1} and \boxed{2}",
    LONG + r"\boxed{1}" + " x" * 40 + r"\boxed{2}",
    LONG + r"\boxed{1}" + LONG + r"\boxed{2}",
    LONG + r"\boxed{1}" + "y" * 290 + r"\boxed{2}",
    r"\boxed{" + LONG + r"\boxed{2} and so}",
    r"\boxed{ " + LONG[:250] + r"\boxed{2}}",
    LONG + r"\boxed(" + "xy " * 22 + r"\boxed{2})" + "z " * 109,
    LONG + r"\boxed 5\boxed{1}z\boxed{2}y",
    LONG + r"\boxed{3}. Final Answer: The final answer is $4$. I hope it is correct.",
    LONG + "The final answer is $1,234$. I hope it is correct.",
    LONG + "The final answer is $x + y is 5 so$.",
    LONG + r"\boxed{3}. Final answer is $x + % 1$.",
    LONG + r"The final answer is $\fbox{4}$.",
    LONG + r"\boxed{1} z \boxed{2}. Final answer: 7",
    LONG + "The final answer is not known.",
    LONG + "\n#### 5",
    LONG + "\n#### $5",
    LONG + "\nA: 17",
    LONG + "The answer is 300.",
    LONG + "The answer is $18 per day.",
    LONG + "The answer is 2200$.",
    LONG + "The answer is 4.\n" + LONG,
    LONG + "my answer: none",
    LONG + "ANSWER: 5",
    LONG,
    "",
    r"\boxed{}",
    r"\boxed{ }",
    r"\boxed 5",
    r"\fbox{6}",
    r"\boxed{5" + LONG,
    r"\\boxed{5}",
    "$\\boxed{\n7\n}$",
    "ends with \\boxed{" + "x" * 2500 + "}",
    "ünïcödé ½ \\boxed{٣}",
]


PIECES = [
    *("\\boxed{", "\\boxed{", "\\boxed {", "\\boxed ", "\\boxed", "\\fbox{", "\\boxed{5}", "box"),
    *("\\boxed{\\frac{1}{2}}", "}", "}", "{", "\\{", "\\}", "\\\\", "\\", "$", " ", "\n", "\n\n"),
    *(", ", " and ", "\\quad", "\\text{", "=", ".", "!", "5", "-3", "1,234", "%", "x", "½", "²"),
    *("\u0301", "\x1c", "\x85", "\u2028", "\r", "\t", "\x00", "**", "<|x|>", "7.\n", "$5", "5$"),
    *("\n#### ", "#### 7", "\nA: ", "A:", "The answer is ", "the answer is: $", "Final answer: "),
    *("final answer is 5", "The final answer is $4$. I hope it is correct.", "Answer:", "nswer is"),
    *("\n**Final Answer**\n", "### Answer\n", "The answer is:\n", "answer is $5$", ", not 4", "$$"),
    *("The answer is therefore ", "The answer to it is 5", "\\[\n", "\n\\]", " million", " or $6$"),
    *(" I hope it is correct.", " dollars", " a day", "y" * 70, "y" * 250, "z " * 80, LONG),
]


def hostile(count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices(PIECES, k=rng.randrange(13))) for _ in range(count)]


def both_forms_agree(count: int, seed: int) -> None:
    """In one column: drawing texts is cheap, and so is Polars, but not its start."""
    texts = hostile(count, seed)
    for mode in ("strict", "relaxed"):
        found = extract_column(pl.Series(texts), mode)
        for text, answer in zip(texts, found, strict=True):
            assert answer == extract(text, mode), (mode, text)


def test_the_column_form_says_the_same_of_hostile_texts() -> None:
    both_forms_agree(12_000, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_the_column_form_says_the_same_of_a_million_hostile_texts(seed: int) -> None:
    both_forms_agree(100_000, seed)


def test_the_short_cut_to_a_box_says_what_the_long_way_says() -> None:
    told = 0
    for text in hostile(12_000, seed=0):
        plain = only_box(text)
        if plain is not None:
            told += 1
            found = boxes(text)
            assert not _FINAL.search(text, found[-1].end), text
            assert final_boxes(text, found) == (plain.strip() or None), text
    assert told > 500


@pytest.mark.parametrize("mode", ["strict", "relaxed"])
def test_the_column_form_says_the_same(mode: str) -> None:
    rng = random.Random(1)
    mixed = ["".join(rng.choices(TEXTS, k=2)) for _ in range(300)]
    texts = [*TEXTS, *mixed]
    found = extract_column(pl.Series("solutions", texts), mode)
    assert found.name == "solutions"
    for text, answer in zip(texts, found, strict=True):
        assert answer == extract(text, mode), text[-200:]


def test_nulls_and_empty_columns() -> None:
    assert extract_column(pl.Series("a", [None, r"\boxed{1}"])).to_list() == [None, "1"]
    assert extract_column(pl.Series("a", [None, None], dtype=pl.String)).to_list() == [None, None]
    for mode in ("strict", "relaxed"):
        assert extract_column(pl.Series("a", [], dtype=pl.String), mode).to_list() == []


@pytest.mark.shared
def test_real_generations(shared_data: object) -> None:
    for name in ("math", "gsm8k", "openmathinstruct2_sample"):
        column = pl.read_parquet(f"{shared_data}/generations/{name}.parquet")["generation"]
        column = column.sample(min(len(column), 2000), seed=1)
        assert extract_column(column).to_list() == [extract(text) for text in column]


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="mode is 'lax': one of strict, relaxed"):
        extract("5", mode="lax")
    with pytest.raises(ValueError, match="mode is 'lax': one of strict, relaxed"):
        extract_column(pl.Series(["5"]), mode="lax")
