"""Words and n-gram hashes: what the overlap layers see of a problem.

A word is a run of letters or of digits, lower case; punctuation and LaTeX marks part words and are
dropped, and so are commands of layout and arithmetic, that other ways of typing a formula lack:
`$\\frac{1}{2}$ of them` is `1 2 of them`, as is `½ of them`. A number is in digits, however it was
spelled (`omi2.overlap.spelled`); a masked word stands for any number. An n-gram is hashed from the
xxh3-64 hashes of its words, vectorised, and cut to 40 bits: among 600,000 stored n-grams one
foreign n-gram in two million matches by accident, and no layer decides by a single n-gram.
"""

import functools
import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xxhash

from omi2.overlap.spelled import joined

Hashes = npt.NDArray[np.uint64]

SPLIT_FRACTION = r"(?<=frac)\d(?=\d)"
"""`\\frac34` is three quarters."""
_WORD = re.compile(rf"{SPLIT_FRACTION}|\d+(?:\.\d+)?|[^\W\d_]+")
_BEYOND_ASCII = re.compile(r"([^\x00-\x7f]+)")
_GROUPED = re.compile(r"(?<![\d.])(\d{1,3}),(?=\d{3}(?!\d))")
_RAISED = re.compile("[\u00b2\u00b3\u00b9\u2070-\u2079\u2080-\u2089]+|[\u00bc-\u00be\u2150-\u215e]")
"""Digits above or below the line, and fractions in one sign: they part from what stands beside."""
_MIXED = re.compile(r"[^\W\d_]*[a-zA-Z][^\W\d_]*")
_LOOKS_LATIN = str.maketrans(
    "аеорсухіјѕкмнтвԁԛԝһАЕОРСУХІЈЅКМНТВοΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijskmhtbdqwhAEOPCYXIJSKMHTBoABEZHIKMNOPTYX",
)
"""Cyrillic and Greek letters that are read as Latin ones in a word with Latin letters."""
_LOOKALIKE = re.compile(f"[{''.join(map(chr, _LOOKS_LATIN))}]")
_GREEK_WORD = re.compile("[\u0370-\u03ff]{2}")
_SIGNS = str.maketrans(
    {
        "√": " sqrt ",
        "∞": " infty ",
        "∑": " sum ",
        "∫": " int ",
        "π": " pi ",
        "θ": " theta ",
        "α": " alpha ",
        "β": " beta ",
        "γ": " gamma ",
        "λ": " lambda ",
        "ω": " omega ",
        "φ": " phi ",
        "Δ": " delta ",
        "△": " triangle ",
        "∠": " angle ",
    }
)
LAYOUT = frozenset(
    (
        *(
            "begin",
            "end",
            "frac",
            "dfrac",
            "tfrac",
            "left",
            "right",
            "displaystyle",
            "text",
            "mbox",
            "mathrm",
        ),
        *("textbf", "textrm", "mathbf", "mathit", "operatorname", "quad", "qquad", "limits"),
        *("cdot", "times", "div", "pm", "le", "leq", "leqslant", "ge", "geq", "geqslant", "ne"),
        *("neq", "ldots", "cdots", "dots", "circ", "big", "bigl", "bigr", "bigg"),
    )
)
"""LaTeX commands that are no words."""
MASK = "#"
GRAM_BASE = 0x9E3779B97F4A7C15  # odd, so that no position of an n-gram is lost
_KEEP = np.uint64((1 << 40) - 1)


def words(text: str) -> list[str]:
    """The words of a text.

    >>> words("She has $1,200 and $\\\\frac{1}{2}$ of twenty-one hours.")
    ['she', 'has', '1200', 'and', '1', '2', 'of', '21', 'hours']
    """
    if not text.isascii():
        text = plain(text)
    text = _GROUPED.sub(r"\1", commas(text).lower())
    return joined(
        [
            found.group()
            for found in _WORD.finditer(text)
            if not (text[found.start() - 1 : found.start()] == "\\" and found.group() in LAYOUT)
        ]
    )


def commas(text: str) -> str:
    """A text with plain commas, where LaTeX has those that no space follows: `1{,}200`."""
    return text.replace("{,}", ",").replace(",\\!", ",")


def plain(text: str) -> str:
    """A text as it counts: signs by their names, no accents, letters of other scripts that only
    look Latin as Latin, a space for what is neither letter nor digit, and what nobody sees
    (zero-width spaces, soft hyphens) parts no word."""
    pieces = _BEYOND_ASCII.split(text)  # every other one is beyond
    greek = any(map(_GREEK_WORD.search, pieces[1::2]))
    pieces[1::2] = [(_made if len(run) > 8 else _made_before)(run, greek) for run in pieces[1::2]]
    text = "".join(pieces)
    if not text.isascii() and _LOOKALIKE.search(text):
        text = _MIXED.sub(lambda found: found.group().translate(_LOOKS_LATIN), text)
    return text


def _made(run: str, greek: bool) -> str:
    """A run of characters beyond ASCII as it counts; in Greek text letters are no signs."""
    if not greek:
        run = run.translate(_SIGNS)
    run = unicodedata.normalize("NFKD", _RAISED.sub(lambda found: f" {found.group()} ", run))
    return unicodedata.normalize("NFC", "".join(map(_seen, run)))


_made_before = functools.lru_cache(maxsize=1 << 12)(_made)  # short runs: ’ and … are everywhere


def _seen(char: str) -> str:
    """A character as it counts: unseen ones do not, and a digit is a digit in any script."""
    if char.isascii() or char.isalpha():
        return char
    if char.isdigit():  # a decimal digit goes on with its number; one in a circle stands alone
        digit = str(unicodedata.digit(char))
        return digit if char.isdecimal() else f" {digit} "
    if char.isnumeric():
        return char
    return "" if unicodedata.category(char) in ("Cf", "Mn", "Me") else " "


def mask(tokens: Sequence[str]) -> list[str]:
    """The same words with every number masked."""
    return [MASK if t[0].isdigit() else t for t in tokens]


def ngram_hashes(tokens: Sequence[str], n: int) -> Hashes:
    """A 40-bit hash for each run of n words, in order; none for a text of fewer words."""
    if len(tokens) < n:
        return np.empty(0, np.uint64)
    hashed = np.fromiter((word_hash(t) for t in tokens), np.uint64, len(tokens))
    return finish(run_hashes(hashed, n))


def run_hashes(hashed: Hashes, n: int) -> Hashes:
    """A sum over each run of n words' hashes, each weighed by its place: of halves, for speed."""
    if n == 1:
        return hashed
    half, count = n // 2, max(len(hashed) - n + 1, 0)
    halves = run_hashes(hashed, half)
    with np.errstate(over="ignore"):
        mixed = halves[:count] * _power(half) + halves[half : half + count]
        if n % 2:
            mixed = mixed * _power(1) + hashed[n - 1 :]
    return mixed


def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(GRAM_BASE, exponent, 1 << 64))


def finish(mixed: Hashes) -> Hashes:
    """The last step of an n-gram's hash: mix its bits, and keep 40."""
    with np.errstate(over="ignore"):
        mixed = mixed ^ (mixed >> np.uint64(29))
        mixed = mixed * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed ^ (mixed >> np.uint64(32))) & _KEEP


def masked_hashes(tokens: Sequence[str], n: int) -> Hashes:
    """The n-gram hashes of the masked words; 0, which matches nothing, where an n-gram has fewer
    than n/2 different words besides numbers: `begin pmatrix # # # # end pmatrix` says nothing."""
    masked = mask(tokens)
    hashes = ngram_hashes(masked, n)
    for at in range(len(hashes)):
        if len({*masked[at : at + n]} - {MASK}) < n / 2:
            hashes[at] = 0
    return hashes


def whole_hash(tokens: Sequence[str]) -> int:
    """A 64-bit hash of all the words in order."""
    return xxhash.xxh3_64_intdigest(" ".join(tokens).encode())


@functools.lru_cache(maxsize=1 << 17)
def word_hash(word: str) -> int:
    """A word's 64-bit hash."""
    return xxhash.xxh3_64_intdigest(word.encode())
