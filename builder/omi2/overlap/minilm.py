"""Sentence embeddings of the MiniLM family, on numpy: a BERT encoder, its mean, made unit length.

Reads a folder as sentence-transformers lays it out (`config.json`, `tokenizer.json`,
`model.safetensors`) and runs it without torch; the vectors are those of sentence-transformers to
three digits (GELU by its usual tanh form). Texts are sorted by length and padded in small batches,
THREADS of them at a time at most: one in a process of several, and as many as OMP_NUM_THREADS says.
BLAS itself runs each in one thread: its own threads spin where they wait for a busy core, and what
they add depends on how many there are.

Not covered: models with other layers than BERT's, or another pooling than the mean.
"""

import functools
import json
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from omi2.errors import UsageError, need_extra

Vectors = npt.NDArray[np.float32]
MOST_TOKENS = 256
BATCH_TOKENS = 2048
"""Tokens of a batch, padding counted: what a processor's cache and BLAS like."""
THREADS = 4
"""Batches worked on at once, some 50 MB each."""


@dataclass(frozen=True)
class Model:
    """An encoder: its name, its tokenizer and its weights."""

    name: str
    width: int
    heads: int
    layers: int
    tokenizer: Any
    weights: dict[str, Vectors]
    id: str = ""
    """The name and the hash of the weights."""
    folder: Path | None = None


def load(folder: Path, name: str) -> Model:
    """The model in a folder. Raises UsageError where it is none of this kind, or not whole."""
    try:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        _blas()
    except ImportError as error:
        missing = (error.name or "tokenizers").partition(".")[0]
        raise need_extra(missing, "embed", "comparing by embeddings") from None
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if config.get("model_type") != "bert":
            raise UsageError(f"{name}: a model of type {config.get('model_type')!r}; BERT is known")
        weights = load_file(folder / "model.safetensors")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        width, heads, layers = (
            int(config[key]) for key in ("hidden_size", "num_attention_heads", "num_hidden_layers")
        )
    except UsageError:
        raise
    except Exception as error:  # tokenizers and safetensors raise whatever their parsers raise
        raise UsageError(f"{name}: {folder} holds no whole model ({error})") from None
    tokenizer.enable_truncation(MOST_TOKENS)
    tokenizer.no_padding()
    plain = {key.removeprefix("bert."): value.astype(np.float32) for key, value in weights.items()}
    found = plain.get("embeddings.word_embeddings.weight")
    if found is None or found.shape[1] != width:
        raise UsageError(f"{name}: its weights are not {width} wide as its config.json says")
    return Model(name, width, heads, layers, tokenizer, plain)


def embed(model: Model, texts: Sequence[str]) -> Vectors:
    """A unit vector for each text; what UTF-8 cannot hold counts as a mark."""
    valid = [text.encode("utf-8", "replace").decode() for text in texts]
    encoded = [found.ids for found in model.tokenizer.encode_batch(valid)]
    order = sorted(range(len(texts)), key=lambda at: len(encoded[at]))
    batches: list[list[int]] = []
    for at in order:
        if not batches or (len(batches[-1]) + 1) * len(encoded[at]) > BATCH_TOKENS:
            batches.append([])
        batches[-1].append(at)
    out = np.zeros((len(texts), model.width), np.float32)

    def run(batch: list[int]) -> None:
        out[batch] = _encode(model, [encoded[at] for at in batch])

    with _blas().limit(limits=1, user_api="blas"), ThreadPoolExecutor(_threads()) as pool:
        for _ in pool.map(run, batches):
            pass
    return out


def _threads() -> int:
    """How many batches at once: parts of a build run in processes beside one another."""
    if multiprocessing.parent_process() is not None:
        return 1
    named = os.environ.get("OMP_NUM_THREADS", "")
    return min(int(named) if named.isdecimal() else os.cpu_count() or 1, THREADS) or 1


@functools.cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def _encode(model: Model, batch: Sequence[Sequence[int]]) -> Vectors:
    """The vectors of some token lists of nearly one length."""
    longest = max(map(len, batch))
    ids = np.zeros((len(batch), longest), np.int64)
    here = np.zeros((len(batch), longest), np.float32)
    for row, tokens in enumerate(batch):
        ids[row, : len(tokens)] = tokens
        here[row, : len(tokens)] = 1
    w = model.weights
    x = w["embeddings.word_embeddings.weight"][ids]
    x = x + w["embeddings.position_embeddings.weight"][:longest]
    x = x + w["embeddings.token_type_embeddings.weight"][0]
    x = _normed(x, w, "embeddings.LayerNorm")
    blocked = np.where(here[:, None, None, :] > 0, 0, -1e9).astype(np.float32)
    for layer in range(model.layers):
        x = _layer(model, x, blocked, f"encoder.layer.{layer}")
    summed = (x * here[..., None]).sum(axis=1)
    norms = np.linalg.norm(summed, axis=1, keepdims=True)
    return np.asarray(summed / np.maximum(norms, 1e-9), np.float32)


def _layer(model: Model, x: Vectors, blocked: Vectors, name: str) -> Vectors:
    """One encoder layer: attention, then the two dense steps."""
    w, size = model.weights, model.width // model.heads
    count, longest, _ = x.shape

    def parted(which: str) -> Vectors:
        made = _dense(x, w, f"{name}.attention.self.{which}")
        return made.reshape(count, longest, model.heads, size).transpose(0, 2, 1, 3)

    scores = parted("query") @ parted("key").transpose(0, 1, 3, 2)
    scores *= np.float32(size**-0.5)
    scores += blocked
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=-1, keepdims=True)
    seen: Vectors = np.matmul(scores, parted("value")).transpose(0, 2, 1, 3)
    seen = _dense(seen.reshape(count, longest, model.width), w, f"{name}.attention.output.dense")
    x = _normed(np.add(x, seen), w, f"{name}.attention.output.LayerNorm")
    wide = _dense(_gelu(_dense(x, w, f"{name}.intermediate.dense")), w, f"{name}.output.dense")
    return _normed(np.add(x, wide), w, f"{name}.output.LayerNorm")


def _dense(x: Vectors, w: dict[str, Vectors], name: str) -> Vectors:
    """One product of all the tokens: numpy would make one of each text."""
    made: Vectors = x.reshape(-1, x.shape[-1]) @ w[f"{name}.weight"].T
    made += w[f"{name}.bias"]
    return made.reshape(*x.shape[:-1], -1)


def _normed(x: Vectors, w: dict[str, Vectors], name: str) -> Vectors:
    x = x - x.mean(axis=-1, keepdims=True)
    x /= np.sqrt((x * x).mean(axis=-1, keepdims=True) + np.float32(1e-12))
    return np.asarray(x * w[f"{name}.weight"] + w[f"{name}.bias"], np.float32)


def _gelu(x: Vectors) -> Vectors:
    inner = x * x
    inner *= np.float32(0.044715)
    inner += 1
    inner *= x
    inner *= np.float32(0.7978845608)
    np.tanh(inner, out=inner)
    inner += 1
    inner *= x
    inner *= np.float32(0.5)
    return inner
