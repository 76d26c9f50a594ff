"""Many texts at once: their words as numbers, and the n-grams of those, in arrays.

The words are exactly those of `omi2.overlap.text.words`, found in the bytes of all texts together:
a table says which byte is a letter and which a digit, a word starts where that changes, and
pyarrow's dictionary gives each distinct word a number. What is slow (hashing, masking) is then done
once per distinct word, and numbers of several words are read one by one, for they are rare. A text
that is not plain ASCII goes through `words` first. Per text of 60
words this takes about 5 microseconds, where the plain functions take 60.
"""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from omi2.overlap.spelled import MOST_WORDS, SCALES, VALUES, canonical, number_at
from omi2.overlap.text import (
    LAYOUT,
    MASK,
    Hashes,
    finish,
    plain,
    run_hashes,
    word_hash,
)

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
_END = 0xFF
"""A byte that UTF-8 never holds: one stands behind each text."""
_LETTER, _DIGIT = 1, 2
_KINDS = bytearray(256)
_KINDS[ord("a") : ord("z") + 1] = bytes([_LETTER]) * 26
_KINDS[128:_END] = bytes([_LETTER]) * (_END - 128)
_KINDS[ord("0") : ord("9") + 1] = bytes([_DIGIT]) * 10
_SPLIT_FRACTION = re.compile(rb"frac\d(?=\d)")
CHUNK_TEXTS, CHUNK_CHARS = 1 << 14, 8 << 20
"""Texts and characters that are worked on together: arrays that fit a processor's cache."""


@dataclass(frozen=True)
class Batch:
    """Texts as words: text i is `tokens[offsets[i]:offsets[i + 1]]`, numbers in `vocabulary`."""

    tokens: Ints
    offsets: Ints
    vocabulary: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @functools.cached_property
    def owner(self) -> Ints:
        """The text of each token."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @functools.cached_property
    def hashed(self) -> tuple[Hashes, Hashes]:
        """The hash of each word of the vocabulary, and that of the word masked."""
        plain = np.array([word_hash(word) for word in self.vocabulary], np.uint64)
        number = np.array(["0" <= word < ":" for word in self.vocabulary], np.bool_)
        return plain, np.where(number, np.uint64(word_hash(MASK)), plain)

    def take(self, texts: Ints) -> "Batch":
        """Some of the texts."""
        sizes = np.diff(self.offsets)[texts]
        tokens = self.tokens[ranges(self.offsets[texts], sizes)]
        used, tokens = np.unique(tokens, return_inverse=True)
        vocabulary = tuple(self.vocabulary[at] for at in used.tolist())
        return Batch(tokens, np.concatenate([[0], np.cumsum(sizes)]), vocabulary)

    def words(self, text: int) -> list[str]:
        """One text's words."""
        found = self.tokens[self.offsets[text] : self.offsets[text + 1]]
        return [self.vocabulary[at] for at in found.tolist()]


@dataclass(frozen=True)
class Grams:
    """The n-grams of texts, one text after another, and how many each text has."""

    hashes: Hashes
    counts: Ints

    @property
    def owner(self) -> Ints:
        """The text of each n-gram."""
        return np.repeat(np.arange(len(self.counts)), self.counts)


def tokenise(texts: Sequence[str]) -> Batch:
    """The words of these texts."""
    raw = bytes([_END]).join([*map(_bytes, texts), b""]).lower()
    raw = _without_grouping(_with_plain_commas(np.frombuffer(raw, np.uint8))).tobytes()
    buffer = np.frombuffer(raw, np.uint8)
    kinds = np.frombuffer(bytearray(raw.translate(_KINDS)), np.uint8)
    kinds[_decimal_points(raw)] = _DIGIT
    new = np.ones(len(raw) + 1, np.bool_)
    np.not_equal(kinds[1:], kinds[:-1], out=new[1:-1])
    new[[found.end() for found in _SPLIT_FRACTION.finditer(raw)]] = True
    inside = kinds != 0
    begins = np.flatnonzero(new[:-1] & inside)
    offsets = np.append(0, np.cumsum(np.flatnonzero(new[1:] & inside) + 1 - begins))
    data = np.compress(inside, buffer)
    column = pa.Array.from_buffers(
        pa.large_binary(), len(begins), [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    ).dictionary_encode()
    vocabulary = [word.decode() for word in column.dictionary.to_pylist()]
    places = {word: at for at, word in enumerate(vocabulary)}
    tokens = np.from_dlpack(column.indices).astype(np.int64)  # to_numpy imports pandas
    kept = ~(_marked(places, LAYOUT)[tokens] & (buffer[begins - 1] == ord("\\")))
    tokens, begins = tokens[kept], begins[kept]
    ends = np.searchsorted(begins, np.flatnonzero(buffer == _END))
    kept = _join_numbers(tokens, vocabulary, places, ends)
    counted = np.append(0, np.cumsum(kept))
    return Batch(tokens[kept], np.append(0, counted[ends]), tuple(map(canonical, vocabulary)))


def ngrams(batch: Batch, n: int, *, masked: bool = False) -> Grams:
    """Every run of n words of every text: the hashes of `text.ngram_hashes`, of masked words too.

    Unlike `text.masked_hashes` it does not blank masked n-grams that say nothing: an index does.
    """
    mixed = run_hashes(batch.hashed[masked][batch.tokens], n)
    whole = batch.owner[: len(mixed)] == batch.owner[n - 1 :]
    return Grams(finish(mixed[whole]), np.maximum(np.diff(batch.offsets) - n + 1, 0))


def chunks(texts: Sequence[str]) -> list[slice]:
    """Slices of texts that are worked on together."""
    found, begin, size = [], 0, 0
    for at, text in enumerate(texts):
        if at > begin and (at - begin >= CHUNK_TEXTS or size + len(text) > CHUNK_CHARS):
            found.append(slice(begin, at))
            begin, size = at, 0
        size += len(text)
    return [*found, slice(begin, len(texts))] if len(texts) else []


def ranges(starts: Ints, lengths: Ints) -> Ints:
    """The numbers starts[i], ..., starts[i] + lengths[i] - 1 of every i, one after another."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    numbers = np.arange(total)
    numbers += np.repeat(starts - ends + lengths, lengths)
    return numbers


def distinct(keys: Ints) -> Ints:
    """The different numbers of an array, sorted (np.unique hashes them first, which is slower)."""
    keys = np.sort(keys)
    return keys[np.append(True, np.diff(keys) != 0)] if len(keys) else keys


def _bytes(text: str) -> bytes:
    """A text in UTF-8, whose bytes beyond ASCII are letters alone."""
    if not text.isascii():
        text = plain(text).lower()
    return text.encode()


def _marked(places: Mapping[str, int], some: Iterable[str]) -> npt.NDArray[np.bool_]:
    """Which words of a vocabulary are among these, given the place of each."""
    marked = np.zeros(len(places), np.bool_)
    marked[[places[word] for word in some if word in places]] = True
    return marked


def _join_numbers(
    tokens: Ints, vocabulary: list[str], places: dict[str, int], ends: Ints
) -> npt.NDArray[np.bool_]:
    """Which words stay when a number of several words becomes one; it takes the place of its first,
    and is added to the vocabulary."""
    kept = np.ones(len(tokens), np.bool_)
    value = _marked(places, VALUES)
    if len(tokens) < 2 or not value.any():
        return kept
    number = value | np.array(["0" <= word < ":" for word in vocabulary], np.bool_)
    both = number[tokens[:-1]] & value[tokens[1:]]
    both |= _marked(places, SCALES)[tokens[:-1]] & _marked(places, ("and",))[tokens[1:]]
    done = 0
    for at in np.flatnonzero(both).tolist():
        if at < done:
            continue
        end = min(at + MOST_WORDS, int(ends[np.searchsorted(ends, at, "right")]))
        used, joined = number_at([vocabulary[token] for token in tokens[at:end].tolist()])
        if used:
            if joined not in places:
                places[joined] = len(vocabulary)
                vocabulary.append(joined)
            tokens[at] = places[joined]
            kept[at + 1 : at + used] = False
            done = at + used
    return kept


def _with_plain_commas(buffer: Bytes) -> Bytes:
    """LaTeX's commas that no space follows, `{,}` and `,\\!`, as plain ones.

    The last byte ends a text: a place before the first byte is no sign.
    """
    commas = np.flatnonzero(buffer == ord(","))
    commas = commas[commas < len(buffer) - 3]
    braced = (buffer[commas - 1] == ord("{")) & (buffer[commas + 1] == ord("}"))
    after = commas + 1 + braced
    thin = after[(buffer[after] == ord("\\")) & (buffer[after + 1] == ord("!"))]
    braced = commas[braced]
    return np.delete(buffer, np.concatenate([braced - 1, braced + 1, thin, thin + 1]))


def _without_grouping(buffer: Bytes) -> Bytes:
    """1,200 as 1200: commas between one to three digits and just three are taken out."""
    commas = np.flatnonzero(buffer == ord(","))
    commas = commas[commas < len(buffer) - 4]
    for step in (-1, 1, 2, 3):
        commas = commas[_digit(buffer, commas + step)]
    two = _digit(buffer, commas - 2)
    three = two & _digit(buffer, commas - 3)
    before = commas - 2 - two - three
    parted = ~_digit(buffer, commas + 4) & ~_digit(buffer, before)
    return np.delete(buffer, commas[parted & (buffer[before] != ord("."))])


def _decimal_points(raw: bytes) -> list[int]:
    """The places of decimals' points; of the points of 1.2.3 the first, then every other."""
    buffer = np.frombuffer(raw, np.uint8)
    dots = np.flatnonzero(buffer == ord("."))
    dots = dots[(dots > 0) & (dots < len(raw) - 1)]
    points: list[int] = []
    for at in dots[_digit(buffer, dots - 1) & _digit(buffer, dots + 1)].tolist():
        if not points or not raw[points[-1] + 1 : at].isdigit():
            points.append(at)
    return points


def _digit(buffer: Bytes, at: Ints) -> npt.NDArray[np.bool_]:
    """Whether these bytes are digits."""
    return buffer[at] - np.uint8(ord("0")) < 10
