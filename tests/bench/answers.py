r"""Comparing, extracting and voting on answers: how right and how fast, beside Math-Verify.

    python tests/bench/answers.py [--quick] [--json] [--show] [--only PART]

The peer runs in this process, in the same minute, called as lighteval calls it (both answers in
`$...$` unless they bring their own marks; parse both, verify), with its timeouts off so that they
do not slow it. Caches are empty at the beginning of every timed figure, and the CPU time of worker
processes counts. Figures need ../shared/data beside the checkout and are left out without it.
--show prints what was wrongly EQUAL or missed, pair by pair. Accuracy is told twice: by the default
policy, and by the policy that a label's own note states (a precision; any of several values). The
arguable labels are listed in ARGUABLE, each with its reason.
"""

import argparse
import json
import logging
import random
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
from math_verify import parse, verify

from omi2.answers import (
    Policy,
    Verdict,
    classes,
    compare_many,
    extract,
    extract_column,
    pool,
)
from omi2.answers.compare import _asked, quick
from omi2.answers.exact import NotExact, Undefined, exact
from omi2.answers.forms import read
from omi2.answers.match import match
from omi2.answers.normalise import short_key
from omi2.answers.trees import Group, formulas

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SEED = 20_260
Pair = tuple[str, str]
TOWER = re.compile(r"\^\s*\{?\s*\d+\s*\^\s*\{?\s*\d+\s*\^")
"""The peer hangs on these, its timeouts on or off; it is told DIFFERENT for them."""
ARGUABLE = {
    15: "the label is a slip of its test: the text states the gold answer",
    **dict.fromkeys((52, 182), "equal within a tolerance that stands beside the pair, not in it"),
    110: "equal because the problem asks for a direction alone",
    111: "equal because the problem asks for positive integers",
    112: "equal once differences are taken for the numbers themselves; the problem decides",
    185: "a choice's letter and what it says in the problem",
    **dict.fromkeys(
        (708, 709, 710, 711, 712), "a list of several values is said to equal one of them"
    ),
}
"""Labels (by line, from 0) that the two answers alone do not decide, or decide otherwise."""


def fresh() -> None:
    """Empty every cache, and end the workers."""
    read.cache_clear()
    short_key.cache_clear()
    _asked.clear()
    pool.forget()
    pool.close()


def cpu() -> float:
    """CPU seconds of this process and of the workers that have ended."""
    pool.close()
    mine, theirs = (resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return mine.ru_utime + mine.ru_stime + theirs.ru_utime + theirs.ru_stime


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a piece of work from cold caches, and what it returned."""
    fresh()
    began = cpu()
    result = work()
    return cpu() - began, result


def peer_parse(answer: str) -> Any:
    """What Math-Verify reads in an answer."""
    marked = "$" in answer or "\\boxed" in answer or "\\(" in answer or "\\[" in answer
    try:
        return parse(answer if marked else f"${answer}$", parsing_timeout=None)
    except Exception:  # whatever its parsers raise, it read nothing
        return []


def peer_verify(gold: Any, answer: Any) -> bool:
    """Its verdict."""
    try:
        return bool(verify(gold, answer, timeout_seconds=None))
    except Exception:  # and what sympy raises is no verdict, which counts as not equal
        return False


def peer(pairs: Iterable[Pair]) -> list[bool]:
    """Its verdicts on (answer, gold) pairs."""
    return [
        not (TOWER.search(gold) or TOWER.search(answer))
        and peer_verify(peer_parse(gold), peer_parse(answer))
        for answer, gold in pairs
    ]


def labelled(quick_run: bool, show: bool) -> Iterator[dict[str, Any]]:
    """Accuracy and symmetry on the labelled pairs."""
    file = DATA / "labelled" / "answer_pairs.jsonl"
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    bare = [row["kind"] == "pair" for row in rows]
    pairs = [
        (r["prediction"] if b else extract(r["prediction"], "relaxed") or "", r["gold"])
        for r, b in zip(rows, bare, strict=True)
    ]
    wanted = [row["equal"] for row in rows]
    verdicts = compare_many(pairs, timeout=20)
    told = peer((r["prediction"], r["gold"]) for r in rows)
    stated = [
        verdict is Verdict.EQUAL or by_its_note(row, pair)
        for row, pair, verdict in zip(rows, pairs, verdicts, strict=True)
    ]
    for name, chosen, goal in (("pairs", bare, 0.96), ("all", [True] * len(rows), 0.985)):
        ours = _share((v is Verdict.EQUAL for v in verdicts), wanted, chosen)
        theirs = _share(told, wanted, chosen)
        yield figure(f"labelled {name}: accuracy", ours, "share", theirs, goal, ours >= goal)
        other = _share(stated, wanted, chosen)
        told_by = f"labelled {name}: accuracy by each label's note"
        yield figure(told_by, other, "share", theirs, goal, other >= goal)
    clear = [i not in ARGUABLE for i in range(len(rows))]
    decided = _share((v is Verdict.EQUAL for v in verdicts), wanted, clear)
    name = f"labelled: accuracy without {len(ARGUABLE)} arguable labels"
    yield figure(name, decided, "share", _share(told, wanted, clear), None, True)
    crossed = sum(quick(a, b) is not quick(b, a) for a, b in pairs)
    sample = range(0, len(rows), 5 if quick_run else 1)
    backwards = peer((rows[i]["gold"], rows[i]["prediction"]) for i in sample)
    asymmetric = sum(told[i] != back for i, back in zip(sample, backwards, strict=True))
    yield figure("labelled: asymmetric verdicts", crossed, "pairs", asymmetric, 0, crossed == 0)
    if show:
        for at, (row, pair, verdict) in enumerate(zip(rows, pairs, verdicts, strict=True)):
            if (verdict is Verdict.EQUAL) != row["equal"]:
                told_why = ARGUABLE.get(at, "missed")
                print(at, verdict.name, "not", row["equal"], repr(pair)[:160], told_why,
                      file=sys.stderr)  # fmt: skip


def by_its_note(row: dict[str, Any], pair: Pair) -> bool:
    """Whether a pair is equal by the policy that its label's own note states.

    `{"precision": ...}` is a number of decimals, or an allowed error for each of several values; a
    note that names the problem of two answer keys (`problem: ...`) lets any of several values tell.
    """
    note = row.get("note") or ""
    if note.startswith('{"precision"'):
        precision = json.loads(note)["precision"]
        values, golds = values_of(pair[0]), values_of(pair[1])
        if not golds or len(values) != len(golds):
            return False
        errors = precision if isinstance(precision, list) else [10.0**-precision] * len(golds)
        return all(
            any(abs(gold - value) <= Fraction(error) * Fraction("1.000001") for value in values)
            for gold, error in zip(golds, errors, strict=True)
        )
    if note.startswith("problem: "):
        listed = read(pair[0])
        items = listed[0].items if listed and isinstance(listed[0], Group) else ()
        golds = read(pair[1])
        return any(match(item, gold, Policy()) is Verdict.EQUAL for item in items for gold in golds)
    return False


def values_of(answer: str) -> list[Fraction]:
    """The numbers that an answer is made of, in order; none if it has letters."""
    try:
        return [exact(node) for value in read(answer)[:1] for node in list(formulas(value))[::-1]]
    except (Undefined, NotExact):
        return []


def _share(found: Iterable[bool], wanted: Sequence[bool], chosen: Sequence[bool]) -> float:
    right = [f == w for f, w, c in zip(found, wanted, chosen, strict=True) if c]
    return sum(right) / len(right)


def speed(quick_run: bool, show: bool) -> Iterator[dict[str, Any]]:
    """Pairs of answer and gold, and whole votes, per CPU-second."""
    for name, goal in (("math", 20.0), ("gsm8k", 50.0)):
        table = pl.read_parquet(DATA / "generations" / f"{name}.parquet")
        answers = extract_column(table["generation"], "relaxed")
        pairs = [(a, g) for a, g in zip(answers, table["gold"], strict=True) if a is not None]
        seconds, _ = timed(lambda pairs=pairs: compare_many(pairs))  # type: ignore[misc]
        few = random.Random(SEED).sample(pairs, min(len(pairs), 300 if quick_run else 2000))
        theirs, _ = timed(lambda few=few: peer(few))  # type: ignore[misc]
        ours, other = len(pairs) / seconds, len(few) / theirs
        yield figure(
            f"{name}: pairs per CPU-second", ours, "1/s", other, goal, ours >= goal * other
        )
    for sets in (("math", "gsm8k"), ("math",), ("gsm8k",)):
        groups = votes_of_32(sets, 8 if quick_run else 30)
        seconds, _ = timed(lambda groups=groups: [classes(ballot) for ballot in groups])  # type: ignore[misc]
        theirs, _ = timed(lambda groups=groups: [peer_classes(ballot) for ballot in groups])  # type: ignore[misc]
        ours, other = len(groups) / seconds, len(groups) / theirs
        goal = 30.0 if len(sets) == 2 else None
        name = f"voting 32 answers, {' and '.join(sets)}: problems per CPU-second"
        yield figure(name, ours, "1/s", other, goal, goal is None or ours >= goal * other)


def votes_of_32(sets: Sequence[str], each: int) -> list[list[str]]:
    """Real answers of real problems, 32 drawn for each, from every set in equal number. Both
    graders are given the same ballots, in the same minute."""
    rng = random.Random(SEED)
    groups = []
    for name in sets:
        table = pl.read_parquet(DATA / "generations" / f"{name}.parquet")
        table = table.with_columns(answer=extract_column(table["generation"], "relaxed"))
        many = table.drop_nulls("answer").group_by("problem", maintain_order=True).agg("answer")
        real = [answers for answers in many["answer"].to_list() if len(answers) >= 3]
        groups += [rng.choices(answers, k=32) for answers in rng.sample(real, each)]
    return groups


def peer_classes(answers: Sequence[str]) -> list[int]:
    """The same vote with Math-Verify: each distinct string read once, compared with class heads."""
    heads: list[Any] = []
    known: dict[str, int] = {}
    for answer in answers:
        if answer not in known:
            told = peer_parse(answer)
            at = next((i for i, head in enumerate(heads) if peer_verify(head, told)), len(heads))
            if at == len(heads):
                heads.append(told)
            known[answer] = at
    return [known[answer] for answer in answers]


def extraction(quick_run: bool, show: bool) -> Iterator[dict[str, Any]]:
    """Rows per CPU-second of the column form, and that it says what `extract` says."""
    names = ("math", "gsm8k")
    tables = [pl.read_parquet(DATA / "generations" / f"{name}.parquet") for name in names]
    column = pl.concat([table["generation"] for table in tables])
    extract_column(column)  # Polars starts its threads
    for mode, goal in (("strict", 300_000), ("relaxed", None)):
        rates = []
        for _ in range(3 if quick_run else 9):
            began = time.process_time()
            extract_column(column, mode)
            rates.append(len(column) / (time.process_time() - began))
        began = time.process_time()
        one_by_one = [extract(text, mode) for text in column]
        other = len(column) / (time.process_time() - began)
        rate = sorted(rates)[len(rates) // 2]
        name = f"extraction, {mode}: rows per CPU-second"
        line = figure(name, rate, "1/s", other, goal, goal is None or rate >= goal)
        yield {**line, "peer": "omi2.answers.extract, row by row"}
        found = extract_column(column, mode)
        differing = sum(a != b for a, b in zip(found, one_by_one, strict=True))
        name = f"extraction, {mode}: rows on which the two forms differ"
        yield figure(name, differing, "rows", None, 0, differing == 0)


def wrongly_equal(quick_run: bool, show: bool) -> Iterator[dict[str, Any]]:
    """Pairs of different golds of different problems that came out EQUAL: look at them (--show)."""
    golds: list[str] = []
    for name in ("math", "omni_math_rule"):
        table = pl.read_parquet(DATA / "benchmarks" / f"{name}.parquet")
        golds += [answer for answer in table["answer"] if answer]
    rng = random.Random(SEED)
    pairs: list[Pair] = []
    count = 2_000 if quick_run else 20_000
    while len(pairs) < count:
        a, b = rng.sample(golds, 2)
        if a != b:
            pairs.append((a, b))
    fresh()
    equal = [p for p, v in zip(pairs, compare_many(pairs), strict=True) if v is Verdict.EQUAL]
    few = pairs[: 200 if quick_run else 2_000]
    theirs = sum(peer(few)) * len(pairs) / len(few)
    name = f"{count} pairs of different golds: EQUAL"
    most = 1 + count // 10_000  # those that a convention makes equal: $6 and 6
    yield figure(name, len(equal), "pairs", theirs, None, len(equal) <= most)
    if show:
        for pair in equal:
            print("EQUAL", repr(pair), file=sys.stderr)


def votes(quick_run: bool, show: bool) -> Iterator[dict[str, Any]]:
    """Votes over real generations: classes of equal answers beside equal strings (the peer)."""
    for name in ("math", "gsm8k"):
        table = pl.read_parquet(DATA / "generations" / f"{name}.parquet")
        table = table.with_columns(answer=extract_column(table["generation"], "relaxed"))
        table = table.drop_nulls("answer").group_by("problem", maintain_order=True)
        groups = table.agg("answer", pl.col("gold").first()).filter(pl.col("answer").list.len() > 1)
        if quick_run:
            groups = groups.head(150)
        tally: Counter[str] = Counter()
        judged: list[tuple[str, Pair]] = []
        for answers, gold in zip(groups["answer"].to_list(), groups["gold"], strict=True):
            by_class = winner(answers, classes(answers))
            by_string = winner(answers, answers)
            tally["changed"] += by_class is not None and by_class != by_string
            for how, won in (("class", by_class), ("string", by_string)):
                tally[f"{how} answered"] += won is not None
                if won is not None:
                    judged.append((how, (won, gold)))
        for (how, _), verdict in zip(
            judged, compare_many([pair for _, pair in judged]), strict=True
        ):
            tally[f"{how} right"] += verdict is Verdict.EQUAL
        for what in ("answered", "right"):
            yield {
                **figure(
                    f"votes, {name}: {what} of {len(groups)} problems",
                    tally[f"class {what}"],
                    "problems",
                    tally[f"string {what}"],
                    None,
                    True,
                ),
                "peer": "raw strings",
            }
        yield figure(
            f"votes, {name}: winners changed", tally["changed"], "problems", None, None, True
        )


def winner(answers: Sequence[str], numbers: Sequence[Any]) -> str | None:
    """The most common spelling of the largest class; None for a tie at the top."""
    sizes = Counter(numbers).most_common(2)
    if len(sizes) > 1 and sizes[0][1] == sizes[1][1]:
        return None
    chosen = [a for a, number in zip(answers, numbers, strict=True) if number == sizes[0][0]]
    return Counter(chosen).most_common(1)[0][0]


def figure(
    name: str, value: float, unit: str, other: float | None, wanted: float | None, ok: bool
) -> dict[str, Any]:
    """One line of the result."""
    return {
        "figure": name,
        "value": round(value, 4),
        "unit": unit,
        "peer": "math-verify" if other is not None else None,
        "peer_value": None if other is None else round(other, 4),
        "ratio": round(value / other, 2) if other else None,
        "wanted": wanted,
        "ok": bool(ok),
    }


PARTS = (extraction, speed, labelled, wrongly_equal, votes)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--only", choices=[part.__name__ for part in PARTS])
    options = parser.parse_args()
    logging.disable()
    if not DATA.is_dir():
        raise SystemExit(f"needs {DATA.parent.name}/{DATA.name} beside the checkout")
    for part in PARTS:
        if options.only not in (None, part.__name__):
            continue
        for line in part(options.quick, options.show):
            if options.json:
                print(json.dumps(line), flush=True)
            else:
                beside = "" if line["peer"] is None else f"  ({line['ratio']}x {line['peer']})"
                wanted = "" if line["wanted"] is None else f"  wanted {line['wanted']}"
                print(
                    f"{line['figure']:<62}{line['value']:>12} {line['unit']}{beside}{wanted}"
                    f"{'' if line['ok'] else '  MISSED'}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
