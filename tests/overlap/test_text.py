"""Words, masks and n-gram hashes: what counts as the same, with pinned literals."""

import pytest

from omi2.overlap.text import MASK, mask, masked_hashes, ngram_hashes, whole_hash, words


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ""),
        (" .,!?$ ", ""),
        ("She has $1,200 and", "she has 1200 and"),
        (r"$\frac{1}{2}$ hour.", "1 2 hour"),
        ("2.5 or 3. Then", "2.5 or 3 then"),
        ("1,200,300 but 1, 2 and 1,23", "1200300 but 1 2 and 1 23"),
        ("462,1078 and 1234,567,890", "462 1078 and 1234 567890"),  # lists, but for groups of three
        ("(0.125,250)", "0.125 250"),
        (r"1{,}200 and \$1,\!200,\!300", "1200 and 1200300"),
        ("x2y_3", "x 2 y 3"),  # letters, digits and underscores part
        ("don't", "don t"),
        ("well-known", "well known"),
        ("ÉTÉ Straße", "ete straße"),
        ("e\u0301te\u0301", "ete"),
        ("ﬁve ５", "5 5"),  # NFKC: a ligature, a wide digit
        # digits above and below the line part, as they do in LaTeX
        ("x² + 3²", "x 2 3 2"),
        ("x^2 + 3^2", "x 2 3 2"),
        ("a₁₂ and 3½", "a 12 and 3 1 2"),
        # a formula is the same, however it was typed
        (r"\dfrac{3}{4}, \frac34, 3/4, ¾", "3 4 3 4 3 4 3 4"),
        (r"\left( 2 \times 3 \right) \leq 2\pi", "2 3 2 pi"),
        ("(2 × 3) ≤ 2π", "2 3 2 pi"),
        ("turn left at the right text", "turn left at the right text"),  # no commands
        ("frac34 and fracture12", "frac 3 4 and fracture 12"),
        # a number is in digits, however it was spelled
        ("seven hundred and five", "705"),
        ("twenty-one of one hundred twenty", "21 of 120"),
        ("3.5 million, 2 hundred", "3500000 200"),
        ("nine ten, twenty twenty, sixty 5", "9 10 20 20 60 5"),
        ("one million two hundred thousand five", "1200005"),
        ("five and six", "5 and 6"),
        ("$2.50 and 3.00 and 10", "2.5 and 3 and 10"),
        # a digit in a circle is one, and stands alone
        ("\u2776 hundred, \u2777\u2778 and 1\u2779", "100 2 3 and 1 4"),
        ("дом 東京 한글 й", "дом 東京 한글 и"),
        # a letter that is read as a Latin one is one, where the word has Latin letters
        ("m\u043ere l\u0430mps th\u0456n \u0391ll", "more lamps thin all"),
        ("\u0441\u043e\u0440 x\u03b1", "\u0441\u043e\u0440 x alpha"),
    ],
)
def test_words(text: str, wanted: str) -> None:
    assert words(text) == wanted.split()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("she has 12 or 2.5", "she has # or #"),
        ("705 and 5", "# and #"),
        ("sevenfold once first", "sevenfold once first"),
        ("", ""),
    ],
)
def test_mask(text: str, wanted: str) -> None:
    assert MASK == "#"
    assert mask(text.split()) == wanted.split()


def test_hashes_are_pinned() -> None:
    """Computed apart from omi2, in plain integers over xxhash: an index must not change meaning."""
    tokens = ["the", "cat", "sat", "down"]
    assert ngram_hashes(tokens, 3).tolist() == [725335581476, 197992095387]
    assert whole_hash(tokens) == 14937121254301739484


def test_ngrams_have_an_order_and_40_bits() -> None:
    tokens = [f"w{i}" for i in range(500)]
    hashes = ngram_hashes(tokens, 8)
    assert len(hashes) == 493
    assert len(set(hashes.tolist())) == 493
    assert int(hashes.max()) < 2**40
    backwards = ngram_hashes(tokens[::-1], 8)
    assert not set(hashes.tolist()) & set(backwards.tolist())


@pytest.mark.parametrize(("count", "wanted"), [(0, 0), (7, 0), (8, 1), (9, 2)])
def test_a_text_shorter_than_n_has_no_ngram(count: int, wanted: int) -> None:
    assert len(ngram_hashes(["a"] * count, 8)) == wanted
    assert len(masked_hashes(["a"] * count, 8)) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a 1 b 2 c 3 d 4", True),  # four different words besides numbers: n/2
        ("a 1 b 2 c 3 c 4", False),
        ("begin 1 2 3 4 5 6 end", False),
        ("a b c d e f g h", True),
        ("a a a a b b b b", False),
    ],
)
def test_a_masked_ngram_needs_words_of_its_own(text: str, said: bool) -> None:
    (found,) = masked_hashes(text.split(), 8)
    assert bool(found) is said


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("ann buys 7 red apples for 2.5 dollars", True),
        ("ann buys 3 green apples for 12 dollars", False),
        ("ann buys many red apples for 12 dollars", False),
    ],
)
def test_masked_ngrams_are_blind_to_numbers_only(text: str, same: bool) -> None:
    (one,) = masked_hashes(words("Ann buys 3 red apples for 12 dollars."), 8)
    (two,) = masked_hashes(text.split(), 8)
    assert bool(one == two) is same
