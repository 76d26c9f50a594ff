"""What the overlap layers find, and how fast: the table of the issue that asked for them.

    python tests/bench/overlap.py [--quick] [--json] [--data ../shared/data]

Quality on the labelled pairs and the training sets (read where they lie, never copied); speed on
real training problems of which up to half of the words were swapped for others of theirs, 600,000
of them (40,000 with --quick), in CPU seconds of one process each. Peers run in the same minute:
Python sets of word 8-grams for layers 1-3, datasketch's own loop for layer 4 and near-copies.
Embeddings are measured on one in thirty of them, where the extra `embed` is installed. --part NAME
runs one measure alone.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from omi2 import rows
from omi2.overlap import compare_many, copies, index
from omi2.overlap.batch import tokenise
from omi2.overlap.checker import Checker
from omi2.overlap.text import words
from omi2.recipe import Decontaminate

FULL, QUICK, SLICE = 600_000, 40_000, 16_384
Figure = dict[str, Any]


def problems(data: Path, name: str, split: str) -> list[str]:
    """The problems of a benchmark's split."""
    table = pl.read_parquet(data / "benchmarks" / f"{name}.parquet")
    return table.filter(pl.col("split") == split)["problem"].to_list()


def made(data: Path, count: int, seed: int = 3) -> Iterator[list[str]]:
    """Slices of real training problems with words swapped."""
    at = random.Random(seed)
    base = [text.split(" ") for n in ("gsm8k", "math") for text in problems(data, n, "train")]
    pool = sorted({word for text in base for word in text if word.isalpha()})
    while count > 0:
        part = []
        for _ in range(min(SLICE, count)):
            share = at.random() * 0.5
            part.append(" ".join(
                at.choice(pool) if at.random() < share else word for word in at.choice(base)
            ))  # fmt: skip
        count -= len(part)
        yield part


def figure(name: str, value: float, unit: str, wanted: str, ok: bool, **peer: Any) -> Figure:
    """One line of the table."""
    told = {"figure": name, "value": round(value, 4), "unit": unit, "peer": None,
            "peer_value": None, "ratio": None, "wanted": wanted, "ok": bool(ok)}  # fmt: skip
    if peer:
        told |= {"peer": peer["peer"], "peer_value": round(peer["peer_value"], 4)}
        told["ratio"] = round(value / peer["peer_value"], 2)
    return told


def peak_mb() -> float:
    """The most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def quality(data: Path, count: int) -> Iterator[Figure]:
    """What is found of labelled pairs, and what is flagged of the training sets."""
    lines = (data / "labelled" / "problem_pairs.jsonl").read_text("utf-8").splitlines()
    pairs = [json.loads(line) for line in lines]
    matches = compare_many((p["candidate"], p["benchmark_problem"]) for p in pairs)
    total, standard, strict, grams = Counter(), Counter(), Counter(), Counter()
    for pair, match in zip(pairs, matches, strict=True):
        label = pair["label"]
        total[label] += 1
        standard[label] += match.contaminated("standard")
        strict[label] += match.contaminated("strict")
        grams[label] += bool(eights(pair["candidate"]) & eights(pair["benchmark_problem"]))
    for label, counted, least, most in (
        ("exact", standard, 1.0, 1.0),
        ("near_dup", standard, 1.0, 1.0),
        ("number_change", strict, 0.99, 1.0),
        ("rephrase", standard, 0.7, 1.0),
        ("unrelated", standard, 0.0, 0.01),
    ):
        share = counted[label] / total[label]
        policy = "strict" if counted is strict else "standard"
        wanted = f"<= {most}" if label == "unrelated" else f">= {least}"
        yield figure(f"{label} found, {policy}, of {total[label]}", share, "share", wanted,
                     least <= share <= most, peer="a shared word 8-gram",
                     peer_value=max(grams[label] / total[label], 1e-4))  # fmt: skip
    checker = Checker(index.load("test-sets"), Decontaminate(strict=False))
    for name, most in (("gsm8k", 0.03), ("math", 0.05)):
        found = checker.check_many(problems(data, name, "train"))
        share = sum(match.contaminated("standard") for match in found) / len(found)
        yield figure(f"{name} train flagged, standard", share, "share", f"<= {most}", share <= most)
    generated = {
        text
        for name in ("gsm8k", "math")
        for text in pl.read_parquet(data / "generations" / f"{name}.parquet")["problem"]
    }
    found = checker.check_many(sorted(generated))
    share = sum(match.contaminated("strict") for match in found) / len(found)
    yield figure(f"generations: {len(found)} problems thrown out, strict", share, "share",
                 "nearly all", share > 0.9)  # fmt: skip


def disguised(data: Path, count: int) -> Iterator[Figure]:
    """What all layers of words find of test items that were disguised by code (half of the items
    are those that a scorer learnt from)."""
    import disguises

    checker = Checker(index.load("test-sets"), Decontaminate(strict=False))
    step = 3 if count == FULL else 30
    for name in ("gsm8k", "math"):
        items = problems(data, name, "test")[::step]
        kinds = {kind: disguises.made(items, kind) for kind in disguises.KINDS}
        kinds["embedded"] = disguises.embedded(items, problems(data, name, "train"))
        for kind, anew in kinds.items():
            if anew:
                found = checker.check_many([text for _, text in anew])
                share = sum(match.contaminated("standard") for match in found) / len(found)
                told = f"{name} test, {kind.replace('_', ' ')}, of {len(anew)}"
                yield figure(told, share, "share", ">= 0.5", share >= 0.5)


def eights(text: str) -> set[tuple[str, ...]]:
    """A text's word 8-grams, as other tools take them."""
    found = words(text)
    return {tuple(found[at : at + 8]) for at in range(len(found) - 7)}


def cheap(data: Path, count: int) -> Iterator[Figure]:
    """Layers 1-3 alone."""
    checker = Checker(index.load("test-sets"), Decontaminate())
    stored = {g for n in ("gsm8k", "math") for t in problems(data, n, "test") for g in eights(t)}
    checker.copies(tokenise(next(made(data, SLICE, seed=4))))  # words met once are met by all
    spent, peer, seen = 0.0, 0.0, 0
    for number, part in enumerate(made(data, count)):
        began = time.process_time()
        checker.copies(tokenise(part))
        spent += time.process_time() - began
        if number % 10 == 0:
            began = time.process_time()
            for text in part:
                _ = eights(text) & stored
            peer += time.process_time() - began
            seen += len(part)
    speed = count / spent
    yield figure(f"layers 1-3, of {count:,}", speed, "problems/CPU-s", ">= 60000", speed >= 60_000,
                 peer="Python sets of 8-grams", peer_value=seen / peer)  # fmt: skip
    yield figure("layers 1-3: peak memory", peak_mb(), "MB", "< 2000", peak_mb() < 2000)


def with_texts(data: Path) -> tuple[Checker, list[tuple[str, str, str]]]:
    """A checker for the test sets of GSM8K and MATH by their texts, and these."""
    held = [
        (name, str(at), text)
        for name in ("gsm8k", "math")
        for at, text in enumerate(problems(data, name, "test"))
    ]
    parts = [index.build(n, [(i, t) for b, i, t in held if b == n], 8, {})
             for n in ("gsm8k", "math")]  # fmt: skip
    return Checker(index.merge(parts), Decontaminate(), held), held


def whole(data: Path, count: int) -> Iterator[Figure]:
    """All layers without embeddings, MinHash against the texts as well."""
    from datasketch import MinHash, MinHashLSH

    checker, texts = with_texts(data)
    lsh = MinHashLSH(threshold=0.6, num_perm=128)
    for at, (_, _, text) in enumerate(texts):
        lsh.insert(str(at), sketch(text, MinHash))
    spent, peer, seen = 0.0, 0.0, 0
    for part in made(data, count):
        began = time.process_time()
        checker.check_many(part)
        spent += time.process_time() - began
        began = time.process_time()
        for text in part[:200]:
            lsh.query(sketch(text, MinHash))
        peer += time.process_time() - began
        seen += len(part[:200])
    speed = count / spent
    yield figure(f"all layers with MinHash, of {count:,}", speed, "problems/CPU-s", ">= 5000",
                 speed >= 5000, peer="datasketch alone", peer_value=seen / peer)  # fmt: skip
    yield figure("all layers: peak memory", peak_mb(), "MB", "< 2000", peak_mb() < 2000)


def sketch(text: str, kind: Any) -> Any:
    """A text's MinHash as datasketch's own examples make it."""
    found = words(text)
    signature = kind(num_perm=128)
    signature.update_batch(
        [" ".join(found[at : at + 3]).encode() for at in range(max(1, len(found) - 2))]
    )
    return signature


def within(data: Path, count: int) -> Iterator[Figure]:
    """Near-copies among the problems themselves, signed in parts of SLICE."""
    signing = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        paths = []
        for number, part in enumerate(made(data, count)):
            paths.append(Path(scratch) / f"{number}.npz")
            names = [rows.problem_id(text) for text in part]
            began = time.process_time()
            copies.save(paths[-1], names, [False] * len(part), part)
            signing += time.process_time() - began
        began = time.process_time()
        found = copies.decide(paths, Decontaminate().near_copies)
        deciding = time.process_time() - began
    total = (signing + deciding) * FULL / count
    yield figure(f"near-copies of 600,000, from {count:,} ({len(found):,} found)", total, "CPU-s",
                 "< 300", total < 300)  # fmt: skip
    yield figure("near-copies: peak memory", peak_mb(), "MB", "< 4000", peak_mb() < 4000)


def embedded(data: Path, count: int) -> Iterator[Figure]:
    """How long the layer of embeddings takes for 600,000 problems on two cores, from one in thirty
    of them: those that need it, and every item once."""
    from omi2.overlap import embed

    checker, held = with_texts(data)
    few = [text for part in made(data, count // 30) for text in part]
    matches = checker.check_many(few)
    embed.layer()
    seen: set[str] = set()
    cached = embed.cached

    def counted(model: Any, texts: list[str], folder: Path) -> Any:
        seen.update(texts)
        return cached(model, texts, folder)

    embed.cached = counted
    with tempfile.TemporaryDirectory() as scratch:
        began = time.process_time()
        embed.improve(few, matches, checker, held, folder=Path(scratch))
        spent = time.process_time() - began
    asked = len(seen - {text for _, _, text in held})
    each = spent / len(seen)
    minutes = each * (asked * FULL / len(few) + len(held)) / 2 / 60
    told = f"from {len(few):,} ({asked / len(few):.1%} need it, {each * 1000:.0f} CPU-ms)"
    yield figure(f"embeddings for 600,000 on 2 cores, {told}", minutes, "minutes", "< 45",
                 minutes < 45)  # fmt: skip
    yield figure("embeddings: peak memory", peak_mb(), "MB", "< 2000", peak_mb() < 2000)


PARTS = {f.__name__: f for f in (quality, disguised, cheap, whole, within, embedded)}


def main() -> None:
    """Each part in a process of its own, so that its memory is its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=default)
    parser.add_argument("--part", choices=PARTS)
    options = parser.parse_args()
    if options.part:
        for told in PARTS[options.part](options.data, QUICK if options.quick else FULL):
            print(json.dumps(told), flush=True)
        return
    for name in PARTS:
        again = [sys.executable, __file__, "--part", name, "--data", str(options.data)]
        done = subprocess.run(
            [*again, *(["--quick"] if options.quick else [])], capture_output=True, text=True
        )
        if done.returncode:
            print(f"{name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        for line in done.stdout.splitlines():
            told = json.loads(line)
            peer = f"  ({told['ratio']}x {told['peer']})" if told["peer"] else ""
            mark = "ok  " if told["ok"] else "MISS"
            print(line if options.json else
                  f"{mark} {told['figure']:<58}{told['value']:>12,} {told['unit']:<15}"
                  f"wanted {told['wanted']}{peer}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
