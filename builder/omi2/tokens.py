"""`omi2.texts.count_tokens` for a column: millions of texts.

Every byte of a block of texts has one bit in a mask for each kind of character; whether one of the
tokenizer's pieces begins at a byte is told of 64 bytes at once, from the masks and the same masks
moved by a place or two. Texts whose script or white space this does not tell, and those with very
long numbers, go to `count_tokens`, one by one.
"""

import re
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from omi2.texts import count_tokens

_OLDEST = pl.CompatLevel.oldest()
_Bits = npt.NDArray[np.uint64]
_Places = npt.NDArray[np.int64]

_COMMON = "−×÷·⋅°√π≤≥≠±≈→“”‘’–—…½¼¾²³€£∠△∞∩∪≡θαβγλμφωΔΩáéíóúñüöä"
"""Characters that are read as an ASCII one of their kind, so that their texts need no detour."""
_STAND_INS = [
    "a" if re.fullmatch(r"[^\W\d_]", mark) else "0" if re.fullmatch(r"\d", mark) else "*"
    for mark in _COMMON
]
_TAB = np.array(
    [byte < 32 and chr(byte).isspace() and chr(byte) not in "\r\n" for byte in range(256)]
)
_SHORT = np.isin(np.arange(1 << 8), np.frombuffer(b"sdmt", np.uint8))
_LONG = np.isin(np.arange(1 << 16), np.frombuffer(b"llvere", ">u2"))
"""What a quote makes a word of its own with: one letter, or two."""
_GAP = re.compile(rb"[\r\n][^\S\r\n]+[\r\n]|[\x1c-\x1f]")
"""White space that is not told: between two lines' ends."""
_BLOCK = 1 << 18
"""Bytes that are looked at together."""
_GROUPS = 10
"""A number has a piece for every three digits; one with more than so many is told apart."""


def count_column(column: pl.Series) -> pl.Series:
    """The tokens of each text of a column without nulls: what `count_tokens` says, row by row."""
    texts = column.cast(pl.String)
    counts, known = _counted(texts)
    odd = np.flatnonzero(~known)
    plain = texts.gather(odd).str.replace_many(list(_COMMON), _STAND_INS)
    counts[odd], known[odd] = _counted(plain)
    rest = np.flatnonzero(~known)
    counts[rest] = [count_tokens(one) for one in texts.gather(rest).to_list()]
    return pl.Series(column.name, counts)


def _counted(texts: pl.Series) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """The pieces of each text, and whether that is sure."""
    counts, known = np.zeros(len(texts), np.int32), np.ones(len(texts), np.bool_)
    if not len(texts):
        return counts, known
    arrow = texts.rechunk().to_arrow(compat_level=_OLDEST)
    offsets = np.frombuffer(arrow.buffers()[1], np.int64)[arrow.offset :][: len(texts) + 1]
    data = np.frombuffer(arrow.buffers()[2] or b"", np.uint8)
    blocks = np.searchsorted(offsets, np.arange(offsets[0], offsets[-1], _BLOCK))
    for low, high in pairwise(np.unique([*blocks, len(texts)])):
        begins = offsets[low : high + 1]
        counts[low:high], known[low:high] = _pieces(
            data[begins[0] : begins[-1]], begins - begins[0]
        )
    return counts, known


def _bits(mask: npt.NDArray[np.bool_] | npt.NDArray[np.uint8]) -> _Bits:
    """A bit for each place, the first the lowest: whether there is anything but 0."""
    return np.packbits(mask, bitorder="little").view("<u8")


def _put(bits: _Bits, places: _Places) -> None:
    """Set the bits of some places."""
    np.bitwise_or.at(bits, places >> 6, np.uint64(1) << (places & 63).astype(np.uint64))


def _places(bits: _Bits) -> _Places:
    """The places that have a bit: for few."""
    words = np.flatnonzero(bits != 0)
    inside = np.flatnonzero(np.unpackbits(bits[words].view(np.uint8), bitorder="little"))
    places: _Places = words[inside >> 6] * 64 + (inside & 63)
    return places


def _at(bits: _Bits, places: _Places) -> npt.NDArray[np.bool_]:
    """Whether each place has a bit."""
    moved: _Bits = bits[places >> 6] >> (places & 63).astype(np.uint64)
    return (moved & np.uint64(1)).astype(np.bool_)


def _later(bits: _Bits, places: int = 1) -> _Bits:
    """Every bit moved to a later place."""
    moved = bits << np.uint64(places)
    moved[..., 1:] |= bits[..., :-1] >> np.uint64(64 - places)
    return moved


def _sooner(bits: _Bits) -> _Bits:
    """Every bit moved to the place before."""
    moved = bits >> np.uint64(1)
    moved[..., :-1] |= bits[..., 1:] << np.uint64(63)
    return moved


def _sums(bits: _Bits, begins: _Places) -> _Places:
    """How many bits there are between each two of the places where texts begin."""
    words = np.bitwise_count(bits).cumsum(dtype=np.int64)
    inside = (np.uint64(1) << (begins & 63).astype(np.uint64)) - np.uint64(1)
    before: _Places = words[begins >> 6] - np.bitwise_count(bits[begins >> 6] & ~inside)
    return np.diff(before)


def _pieces(data: npt.NDArray[np.uint8], begins: _Places) -> tuple[_Places, npt.NDArray[np.bool_]]:
    """How many pieces each text of a block has, and whether that is sure.

    The texts begin at `begins`, which ends with the block's end.
    """
    text = np.full((len(data) // 64 + 2) * 64, 0x80, np.uint8)
    text[: len(data)] = data
    first = np.zeros(len(text) // 64, np.uint64)
    _put(first, begins)
    inner, follows = ~first, ~_sooner(first)

    def led(kind: _Bits) -> _Bits:
        """The places after those of a kind, in the same text."""
        return _later(kind) & inner

    def then(kind: _Bits) -> _Bits:
        """The places before those of a kind, in the same text."""
        return _sooner(kind) & follows

    letter, digit = _bits((text | 32) - np.uint8(97) < 26), _bits(text - np.uint8(48) < 10)
    space, line, quote = (_bits(text == ord(mark)) for mark in " \n'")
    tab, foreign = np.zeros_like(first), np.zeros_like(first)
    odd = _places(_bits(text.view(np.int8) < 32) & ~line)
    byte = text[odd]
    _put(foreign, odd[byte >= 128])
    _put(line, odd[byte == ord("\r")])
    _put(tab, odd[_TAB[byte]])
    blank = space | tab
    mark = ~(letter | digit | blank | line | foreign)
    kinds = np.stack([letter, digit, mark, line, space])
    after_letter, after_digit, after_mark, after_line, after_space = led(kinds)
    before_letter, before_digit, before_mark, before_line = then(kinds[:4])

    word = letter & after_letter
    starts = letter & ~word
    # A run of marks, unless it is a single one that leads a word (and no space leads it).
    starts |= mark & ~after_mark & ~(before_letter & ~after_space)
    # A line's end belongs to the marks before it.
    starts |= line & ~(after_line | after_mark)
    # The last of several spaces leads what follows; the others are a piece of their own.
    starts |= blank & then(blank & (before_letter | before_digit | before_mark))
    starts |= blank & (before_digit | ~follows) | tab & before_mark
    # Every third digit of a number begins a piece.
    pair = digit & after_digit
    four, number = pair & led(led(pair)), digit & ~pair
    groups = 0
    while number.any() and groups < _GROUPS:
        starts |= number
        number = _later(number, 3) & four
        groups += 1
    # 'there is 't and here
    quotes = _places(quote & before_letter & ~(after_mark | after_space))
    one, two = text[quotes + 1], text[quotes + 2]
    short = _SHORT[one]
    after = quotes + np.where(short, 2, 3)
    split = (short | _LONG[one * np.uint16(256) + two]) & _at(word, quotes + 2)
    _put(starts, after[split & _at(word, after)])

    early, late = blank & after_line, blank & before_line
    known = _sums(foreign | number, begins) == 0
    if early.any() and late.any():
        both = (_sums(early, begins) > 0) & (_sums(late, begins) > 0)
        for row in np.flatnonzero(known & both):
            known[row] = not _GAP.search(text[begins[row] : begins[row + 1]].tobytes())
    return _sums(starts, begins), known
