"""Words and n-grams of many texts at once: just those of the plain functions, whatever the text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omi2.overlap.batch import CHUNK_TEXTS, chunks, ngrams, ranges, tokenise
from omi2.overlap.text import mask, ngram_hashes, words

CHARS = st.one_of(
    st.sampled_from("aZ09.,,.. \n-$\\{}_’“…²½٣５é\u0301\u200b\x00Ⅷßİπ√"), st.characters()
)
PIECES = (
    "one",
    "twenty",
    "hundred",
    "million",
    ",123",
    "{,}456",
    " and ",
    "and",
    "\\frac",
    "\\!",
    "❷",
    "\\left",
    "frac",
    "34",
    " ",
)
HARD = st.one_of(st.text(CHARS), st.lists(st.one_of(st.sampled_from(PIECES), CHARS)).map("".join))


@settings(deadline=None)
@given(st.lists(HARD, max_size=8), st.integers(1, 5))
def test_a_batch_holds_the_words_of_each_text(texts: list[str], n: int) -> None:
    batch = tokenise(texts)
    assert len(batch) == len(texts)
    plain = [words(text) for text in texts]
    assert [batch.words(at) for at in range(len(texts))] == plain
    for masked in (False, True):
        grams = ngrams(batch, n, masked=masked)
        wanted = [ngram_hashes(mask(found) if masked else found, n).tolist() for found in plain]
        assert grams.hashes.tolist() == [gram for each in wanted for gram in each]
        assert grams.owner.tolist() == [at for at, each in enumerate(wanted) for _ in each]
        assert grams.counts.tolist() == [len(each) for each in wanted]


@pytest.mark.parametrize(
    "text",
    [
        "1,200,300 1,20 1,2000 ,123 1,234,56",
        "12,345 1,234",  # a text that ends in a group, and the next begins with digits
        "462,1078 1234,567,890 12345,678 0.125,250 .5,123",
        r"1{,}200 and \$1,\!200,\!300 {,} ,\!",
        r"3{,}\!100 1{{,},}200 – and 1{,}200 ❶ hundred, 1,\!",
        r",\!200{,}",
        "1.2.3.4 .5 5. 1..2 1.a 10.25.a.3.4",
        "3.141,592 1,234.5",
        "x2y3.5z",
        "“Twelve” – 3×4 €5 …6…7",
        "٣٤ and ٣.٥",
        "a\ud800b",
        "ﬁ ①② Ⅷ",
    ],
)
def test_numbers_marks_and_scripts(text: str) -> None:
    """Both sides of a text, so that nothing leaks from one to the next."""
    batch = tokenise(["9", text, "9", text + " ", "9"])
    assert [batch.words(at) for at in range(5)] == [["9"], words(text), ["9"], words(text), ["9"]]


def test_take() -> None:
    batch = tokenise(["a b", "", "c d e", "f"])
    some = batch.take(np.array([2, 3]))
    assert [some.words(at) for at in range(len(some))] == [["c", "d", "e"], ["f"]]


def test_chunks_cover_everything_once_and_a_huge_text_stands_alone() -> None:
    texts = ["x"] * (CHUNK_TEXTS + 3) + ["y" * (9 << 20), "z"]
    parts = chunks(texts)
    assert [text for part in parts for text in texts[part]] == texts
    assert texts[parts[-2]][-1][0] == "y" or len(texts[parts[-2]]) == 1
    assert max(part.stop - part.start for part in parts) == CHUNK_TEXTS
    assert chunks([]) == []


def test_ranges() -> None:
    made = ranges(np.array([5, 0, 7]), np.array([2, 0, 3]))
    assert made.tolist() == [5, 6, 7, 8, 9]
    assert ranges(np.zeros(0, np.int64), np.zeros(0, np.int64)).tolist() == []
