"""Overlap indexes: kept byte for byte, without the text; a damaged or foreign file is refused."""

import dataclasses
import io
import pickle
from collections import Counter
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from omi2.errors import UsageError
from omi2.overlap import index

PROBLEMS = [
    ("t/0", "Wilhelmina carries seventeen buckets of gravel over the bridge before noon today."),
    ("t/1", "Too short"),
    (
        "t/2",
        "Ottokar divides 91 marbles fairly among 7 cousins and keeps whatever remains of them.",
    ),
]


def make(n: int = 8) -> index.Index:
    return index.build("toy", PROBLEMS, n, {"origin": "here"})


def test_build() -> None:
    made = make()
    assert made.items == (("toy", "t/0"), ("toy", "t/1"), ("toy", "t/2"))
    assert made.lengths.tolist() == [12, 2, 14]
    assert len(made.grams) == len(made.masked) == 5 + 0 + 7
    assert made.benchmarks == ({"name": "toy", "items": 3, "origin": "here"},)


def test_an_empty_benchmark_is_refused() -> None:
    with pytest.raises(UsageError, match="benchmark toy holds no items"):
        index.build("toy", [], 8, {})


def test_an_index_survives_its_file(tmp_path: Path) -> None:
    made = make()
    index.save(made, tmp_path / "toy.npz")
    read = index.load(str(tmp_path / "toy.npz"))
    for field in dataclasses.fields(index.Index):
        a, b = getattr(made, field.name), getattr(read, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            assert a.tolist() == b.tolist()
        else:
            assert a == b


def test_the_same_input_gives_the_same_bytes_and_no_text(tmp_path: Path) -> None:
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    index.save(make(), one)
    index.save(index.load(str(one)), two)
    assert one.read_bytes() == two.read_bytes()
    with np.load(one) as arrays:
        held = b"".join(arrays[name].tobytes() for name in arrays.files).lower()
    assert b"t/2" in held  # ids are there
    for word in (b"wilhelmina", b"gravel", b"bridge", b"ottokar", b"marbles", b"short"):
        assert word not in held
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["one.npz", "two.npz"]


def test_merge() -> None:
    both = index.merge([make(), index.build("other", PROBLEMS[:1], 8, {})])
    assert [name for name, _ in both.items] == ["toy"] * 3 + ["other"]
    assert [benchmark["name"] for benchmark in both.benchmarks] == ["toy", "other"]
    assert both.grams.tolist()[-5:] == both.grams.tolist()[:5]
    assert len(both.masked) == 17
    assert both.lengths.tolist() == [12, 2, 14, 12]


@pytest.mark.parametrize("indexes", [[make(8), make(5)], []])
def test_merge_refuses_different_ngrams(indexes: list[index.Index]) -> None:
    with pytest.raises(UsageError, match="different n-grams"):
        index.merge(indexes)


class Bomb:
    """What a pickle would run when it is read."""

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return (Path("pwned").touch, ())  # type: ignore[return-value]


def _npz(**arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def _meta(text: str) -> np.ndarray:
    return np.frombuffer(text.encode(), np.uint8)


def _whole(tmp_path: Path) -> bytes:
    index.save(make(), tmp_path / "whole.npz")
    return (tmp_path / "whole.npz").read_bytes()


def _with(data: bytes, **changed: np.ndarray) -> bytes:
    with np.load(io.BytesIO(data)) as arrays:
        return _npz(**{**{name: arrays[name] for name in arrays.files}, **changed})


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"not a zip at all",
        lambda data: data[: len(data) // 2],  # cut short
        lambda data: data[:200] + bytes([data[200] ^ 255]) + data[201:],  # one byte turned over
        lambda data: _npz(a=np.arange(3)),  # somebody else's .npz
        lambda data: _with(data, meta=_meta("{}")),
        lambda data: _with(data, meta=_meta("not json")),
        lambda data: _with(data, meta=_meta('{"omi2": "overlap-index", "format": 99}')),
        lambda data: _with(data, lengths=np.array([12, 2], np.uint16)),  # parts do not fit
        lambda data: _with(data, lengths=np.array([12, 2, 15], np.uint16)),
        lambda data: _with(
            data, grams_low=np.zeros(3, np.uint32), grams_high=np.zeros(3, np.uint8)
        ),
        lambda data: _with(data, meta=np.array([Bomb()], dtype=object)),
        lambda data: pickle.dumps(Bomb()),
    ],
)
def test_a_damaged_or_foreign_file_is_refused(
    damage: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.npz").write_bytes(damage(_whole(tmp_path)))
    with pytest.raises(UsageError, match=r"bad\.npz"):
        index.load("bad.npz")
    assert not Path("pwned").exists()


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UsageError, match="no overlap index 'test-setz'"):
        index.load("test-setz")


def test_the_packaged_index() -> None:
    held = index.load("test-sets")
    assert held.n == 8
    sizes = {"gsm8k/test": 1319, "math/test": 5000, "amc23/test": 40, "aime24/test": 30}
    assert Counter(name for name, _ in held.items) == sizes
    assert len(set(held.items)) == sum(sizes.values())
    assert {b["name"]: b["items"] for b in held.benchmarks} == sizes
    assert int(held.lengths.min()) > 0
    assert (files("omi2") / "overlap" / "test-sets.npz").stat().st_size < 4_000_000  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["", "?! --", "\u200b"])
def test_an_item_without_a_word_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="1 of 2 items hold no word to compare"):
        index.build("toy", [("a", "one two"), ("b", text)], 8, {})
