"""`omi2.texts.count_tokens` for a column: millions of texts.

Sorts the bytes of many texts into seven classes; whether one of the tokenizer's pieces begins at a
byte is read from a table of four classes in a row, in numpy, a block that fits the cache at a time.
Texts whose script or white space the seven classes do not tell go to `count_tokens`, one by one.
"""

import re
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from omi2.texts import count_tokens

_Flags = npt.NDArray[np.bool_]
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
_BLOCK = 1 << 16
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


_CLASSES = bytes([*(_class(chr(byte)) for byte in range(128)), *[_END] * 128])
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
        starts, before, after = _starts(bytes(data[int(offsets[low]) : int(offsets[high])]))
        counts[low:high] = np.add.reduceat(starts, begins[:-1], dtype=np.int32)
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


def _starts(data: bytes) -> tuple[_Flags, _Places, _Places]:
    """Where pieces begin, as a flag for every byte (or one of its piece, where that is easier).

    White space is only told where no row has a space after a line's end and one before another's:
    the second and third value are where either is.
    """
    whole = np.frombuffer(bytes(1) + data.translate(_CLASSES) + bytes(3), np.uint8)
    size = len(data)
    last, here, next_ = (whole[at : at + size] for at in range(3))
    pairs = whole[:-1] * np.uint8(8) + whole[1:]
    told = _RULES.take(
        pairs[:size].astype(np.uint16) << np.uint16(6) | pairs[2 : size + 2], mode="clip"
    )
    starts = (told & np.uint8(1)).view(np.bool_)
    places = np.flatnonzero(told > 1)
    digits = places[here[places] == _DIGIT]
    more = digits[whole[digits + 4] == _DIGIT] + 3  # the fourth of a number's digits begins a piece
    starts[more] = True
    for skip in (2, 3, 4):
        more = more[whole[np.minimum(more + skip, size)] == _DIGIT]
    for at in more.tolist():  # seven digits and more: few
        match = _NUMBER.match(data, at)
        starts[at : match.end() if match else at : 3] = True
    places = places[here[places] != _DIGIT]
    quotes = places[here[places] == _QUOTE]
    text = np.frombuffer(data + bytes(3), np.uint8)
    one, two = text[quotes + 1], text[quotes + 2]
    short, pair = _SHORT[one], one * np.uint16(256) + two
    long = (pair == _LONG[0]) | (pair == _LONG[1]) | (pair == _LONG[2])
    ends = np.concatenate([quotes[short] + 2, quotes[long] + 3])
    starts[ends[whole[ends + 1] == _LETTER]] = True  # 'there is 't and here
    spaces = places[here[places] != _QUOTE]
    return starts, spaces[last[spaces] == _LINE], spaces[next_[spaces] == _LINE]
