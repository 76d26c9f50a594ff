"""Words and n-gram hashes: what the overlap layers see of a problem.

A word is a run of letters or of digits, lower case; punctuation and LaTeX marks part words and are
dropped, so `$\\frac{1}{2}$ of them` is `frac 1 2 of them`. A masked word stands for any number, in
digits or spelled. An n-gram is hashed from the xxh3-64 hashes of its words, vectorised, and cut to
40 bits: among 600,000 stored n-grams one foreign n-gram in two million matches by accident, and no
layer decides by a single n-gram.
"""

import functools
import re
import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xxhash

Hashes = npt.NDArray[np.uint64]

_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3})")
SPELLED = frozenset(
    (
        *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
        *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
        *("eighteen", "nineteen", "twenty", "thirty", "forty", "fifty", "sixty", "seventy"),
        *("eighty", "ninety", "hundred", "thousand", "million"),
    )
)
MASK = "#"
GRAM_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no position of an n-gram is lost
_KEEP = np.uint64((1 << 40) - 1)


def words(text: str) -> list[str]:
    """The words of a text.

    >>> words("She has $1,200 and $\\\\frac{1}{2}$ hour.")
    ['she', 'has', '1200', 'and', 'frac', '1', '2', 'hour']
    """
    if not text.isascii():  # what nobody sees (zero-width spaces, soft hyphens) parts no word
        text = unicodedata.normalize("NFKC", text)
        text = _BEYOND_ASCII.sub(_plain, text)
    return _WORD.findall(_GROUPED.sub("", text.lower()))


def _plain(found: re.Match[str]) -> str:
    """A character as it counts: unseen ones do not, and a digit is a digit in any script."""
    char = found.group()
    kind = unicodedata.category(char)
    if kind == "Nd":
        return str(unicodedata.digit(char))
    return "" if kind in ("Cf", "Mn", "Me") else char


def mask(tokens: Sequence[str]) -> list[str]:
    """The same words with every number, in digits or spelled, masked."""
    return [MASK if t[0].isdigit() or t in SPELLED else t for t in tokens]


def ngram_hashes(tokens: Sequence[str], n: int) -> Hashes:
    """A 40-bit hash for each run of n words, in order; none for a text of fewer words."""
    if len(tokens) < n:
        return np.empty(0, np.uint64)
    hashed = np.fromiter((word_hash(t) for t in tokens), np.uint64, len(tokens))
    count = len(tokens) - n + 1
    mixed = np.zeros(count, np.uint64)
    with np.errstate(over="ignore"):
        for at in range(n):
            mixed = mixed * GRAM_BASE + hashed[at : at + count]
    return finish(mixed)


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
