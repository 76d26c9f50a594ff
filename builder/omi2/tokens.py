"""`omi2.texts.count_tokens` for a column: millions of texts.

Sorts the bytes of many texts into seven classes; whether one of the tokenizer's pieces begins at a
byte is read from a table of the classes around it, two bytes at a time, in numpy, block by block.
Texts whose script or white space the seven classes do not tell go to `count_tokens`, one by one.
"""

import re
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from omi2.texts import count_tokens

_OLDEST = pl.CompatLevel.oldest()
_Places = npt.NDArray[np.int64]

_END, _LETTER, _DIGIT, _SPACE, _TAB, _LINE, _QUOTE, _MARK = range(8)
"""The classes: no character at all, then in this order what a piece is made of."""
_COMMON = "−×÷·°√π≤≥≠±≈→“”‘’–—…½¼¾²³€£∠△∞θαβγλμφωΔΩáéíóúñüöä"
"""Characters that are read as an ASCII one of their class, so that their texts need no detour."""
_NUMBER = re.compile(rb"[0-9]+")
_SHORT = np.array([chr(byte) in "sdmt" for byte in range(256)])
_LONG = np.frombuffer(b"llvere", ">u2").astype(np.uint16)
"""What a quote makes a word of its own with: one letter, or two."""
_BLOCK = 1 << 18
"""Bytes that are looked at together."""


def _class(character: str) -> int:
    """The class of an ASCII character."""
    if character.isalpha():
        return _LETTER
    if character.isdigit():
        return _DIGIT
    if character in "\r\n":
        return _LINE
    if character.isspace():
        return _SPACE if character == " " else _TAB
    return _QUOTE if character == "'" else _MARK


_CLASSES = np.array([*(_class(chr(byte)) for byte in range(128)), *[_END] * 128], np.uint8)
_PAIRS = (_CLASSES[:, None] + _CLASSES[None, :] * np.uint8(8)).ravel()
"""The two classes, as six bits, of two bytes that are read as one little-endian number."""
_STAND_INS = [
    "a" if re.fullmatch(r"[^\W\d_]", mark) else "0" if re.fullmatch(r"\d", mark) else "*"
    for mark in _COMMON
]


def count_column(column: pl.Series) -> pl.Series:
    """The tokens of each text of a column without nulls: what `count_tokens` says, row by row."""
    text, plain = pl.col("text"), pl.col("plain")
    frame = pl.DataFrame({"text": column.cast(pl.String)}).with_columns(
        plain=pl.when(_ascii(text))
        .then(text)
        .otherwise(text.str.replace_many(list(_COMMON), _STAND_INS))
    )
    if not (count := len(frame)):
        return pl.Series(column.name, [], pl.Int32)
    ended = frame.select(plain + "\x80").to_series().to_arrow(compat_level=_OLDEST)
    offsets = np.frombuffer(ended.buffers()[1], np.int64)[ended.offset :][: count + 1]
    data = memoryview(ended.buffers()[2] or b"")
    known = frame.select(_ascii(plain)).to_series().to_numpy().copy()
    counts = np.zeros(count, np.int32)
    blocks = np.searchsorted(offsets, np.arange(offsets[0], offsets[-1], _BLOCK))
    for low, high in pairwise(np.unique([*blocks, count])):
        begins = offsets[low : high + 1] - offsets[low]
        block = data[int(offsets[low]) : int(offsets[high])]
        counts[low:high], before, after = _pieces(block, begins)
        both = np.intersect1d(_rows(begins, before), _rows(begins, after))
        known[low + both] = False
    rest = np.flatnonzero(~known)
    counts[rest] = [count_tokens(one) for one in column.gather(rest).to_list()]
    return pl.Series(column.name, counts)


def _rows(begins: _Places, places: _Places) -> _Places:
    return np.searchsorted(begins, places, "right") - 1


def _ascii(text: pl.Expr) -> pl.Expr:
    return text.str.len_bytes() == text.str.len_chars()


def _rules() -> npt.NDArray[np.uint8]:
    """For every four classes in a row: at the second begins a piece (1), it is odd (2), or it is
    the first of three digits (4)."""
    code = np.arange(4096)
    last, here, next_, after = code >> 9, code >> 6 & 7, code >> 3 & 7, code & 7
    mark, space = here >= _QUOTE, (here == _SPACE) | (here == _TAB)
    next_letter = next_ == _LETTER
    starts = (here == _LETTER) & (last != _LETTER)
    starts |= (here == _DIGIT) & (last != _DIGIT)
    # A run of marks, unless it is a single one that leads a word (and no space leads it).
    starts |= mark & (last < _QUOTE) & ~(next_letter & (last != _SPACE))
    # A line's end belongs to the marks before it.
    starts |= (here == _LINE) & (last != _LINE) & (last < _QUOTE)
    # The last of several spaces leads what follows; the others are a piece of their own.
    more = (next_ == _SPACE) | (next_ == _TAB)
    starts |= (
        space & more & (after != _END) & (after != _LINE) & (after != _SPACE) & (after != _TAB)
    )
    starts |= space & ((next_ == _DIGIT) | (next_ == _END) | ((next_ >= _QUOTE) & (here == _TAB)))
    odd = space & ((last == _LINE) | (next_ == _LINE))
    odd |= (here == _QUOTE) & (last < _QUOTE) & (last != _SPACE) & next_letter
    number = (last != _DIGIT) & (here == _DIGIT) & (next_ == _DIGIT) & (after == _DIGIT)
    return np.asarray(starts + 2 * odd + 4 * number, np.uint8)


_RULES = _rules()
_FIVE = np.arange(1 << 15)
_FIRST, _SECOND = _RULES[_FIVE >> 3], _RULES[_FIVE & 4095]
_TWICE = (_FIRST & 1) + (_SECOND & 1) + np.uint8(4) * (_FIRST > 1) + np.uint8(8) * (_SECOND > 1)
"""For five classes in a row: how many pieces begin at the second and third, and which is to be
looked at again (4 and 8)."""


def _pieces(data: memoryview, begins: _Places) -> tuple[_Places, _Places, _Places]:
    """How many pieces each text of a block has; they begin at `begins` and end with a byte apart.

    White space is only told where no text has a space after a line's end and one before another's:
    the second and third value are where either is.
    """
    padded = b"".join([data, b"\x80" * (8 + len(data) % 2)])
    text = np.frombuffer(padded, np.uint8)
    pairs = _PAIRS.take(np.frombuffer(b"\x80\x80" + padded, "<u2"))
    five = (pairs[:-2] & np.uint8(7)).astype(np.uint16) << np.uint16(12)
    five |= pairs[1:-1].astype(np.uint16) << np.uint16(6) | pairs[2:]
    told = _TWICE.take(five, mode="clip")
    counts = np.add.reduceat(told & np.uint8(3), begins[:-1] // 2, dtype=np.int64)
    counts[np.diff(begins) == 1] = 0  # an empty text shares its two bytes with the next one
    places = np.flatnonzero(told > 3) * 2
    again = told[places // 2]
    places = np.concatenate([places[again & 4 > 0], places[again & 8 > 0] + 1])
    here = _CLASSES[text[places]]
    digits = places[here == _DIGIT] + 3
    more = digits[_CLASSES[text[digits]] == _DIGIT]  # a number's fourth digit begins a piece
    long = more
    for skip in (1, 2, 3):
        long = long[_CLASSES[text[np.minimum(long + skip, len(data))]] == _DIGIT]
    seventh = [  # and every third after it: few numbers are so long
        at
        for fourth in long.tolist()
        if (match := _NUMBER.match(data, fourth))
        for at in range(fourth + 3, match.end(), 3)
    ]
    quotes = places[here == _QUOTE]
    one, two = text[quotes + 1], text[quotes + 2]
    short, pair = _SHORT[one], one * np.uint16(256) + two
    is_long = (pair == _LONG[0]) | (pair == _LONG[1]) | (pair == _LONG[2])
    after = np.concatenate([quotes[short] + 2, quotes[is_long] + 3])
    after = after[_CLASSES[text[after]] == _LETTER]  # 'there is 't and here
    extra = np.concatenate([more, np.array(seventh, np.int64), after])
    counts += np.bincount(_rows(begins, extra), minlength=len(counts))
    spaces = places[(here == _SPACE) | (here == _TAB)]
    lines = _CLASSES[text[spaces - 1]] == _LINE, _CLASSES[text[spaces + 1]] == _LINE
    return counts, spaces[lines[0]], spaces[lines[1]]
