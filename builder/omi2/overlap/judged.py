"""The judge in a build: ask about the clean problems that come near a benchmark item.

`judged` runs when all parts are compared and their near-copies are gone. It reads the candidates of
all parts, asks, and keeps what was decided (`judged.json` of the stage) before it writes it into
the parts: killed in between, it goes on from there, and the ledger knows what was answered.
Problems that the judge calls an item are dropped as `overlap_judge`, those without an answer as
`overlap_unknown`, each with the answers in both orders.

A candidate whose item is known by hashes alone cannot be read to anybody: it stays clean, and the
report counts it (`judge_no_text`).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from omi2 import rows
from omi2.files import read_json, write_json
from omi2.overlap import judge
from omi2.overlap.checker import CLEAN, JUDGE, UNKNOWN
from omi2.overlap.judge import Judge, Judgement
from omi2.recipe import Decontaminate, Teacher
from omi2.run import Report, Run, drop, problems
from omi2.teachers import Shelf, identity

STAGE = "decontaminate"
DECIDED = "judged.json"
Texts = Mapping[tuple[str, str], str]


def pool(rules: Decontaminate, teacher: Teacher, own: Teacher) -> Teacher | None:
    """Whom these rules ask, of [teacher] and [judge]; None where nobody is asked."""
    chosen = {"off": None, "teacher": teacher, "judge": own}[
        rules.judge if rules.enabled else "off"
    ]
    if chosen is not None:
        judge.check_teacher(chosen)
    return chosen


def judged(
    run: Run, report: Report, rules: Decontaminate, teacher: Teacher, texts: Texts
) -> Report:
    """Ask about every candidate, and move in the report what is dropped."""
    file = run.stage(STAGE) / DECIDED
    decided = read_json(file)
    if decided is None:
        decided = _decide(run, rules, teacher, texts)
        write_json(file, decided)
    gone: Counter[str] = Counter()
    for part in range(run.parts):
        gone += _apply(run, part, decided["problems"])
    left = sum(report.left.values()) - gone.total()
    facts = Counter({**report.facts, **decided["facts"]})
    told = [found for found in decided["problems"].values() if _verdict(found) != CLEAN]
    facts.update(f"contaminated {one['benchmark']}" for one in told if _verdict(one) != UNKNOWN)
    return replace(
        report,
        left={CLEAN: left} if left else {},
        dropped=dict(sorted((gone + Counter(report.dropped)).items())),
        facts=dict(sorted(facts.items())),
        details={**report.details, "judge": decided["judge"]},
    )


def _decide(run: Run, rules: Decontaminate, teacher: Teacher, texts: Texts) -> dict[str, Any]:
    """Ask, and tell what was said of each candidate, and of the known pairs."""
    found = list(_candidates(run, rules.judge_from))
    asked = [
        (row, texts[key]) for row in found if (key := (row["benchmark"], row["item"])) in texts
    ]
    who = identity.known(teacher, run.ledger(STAGE, 0).parent)
    with Shelf(lambda part: run.ledger(STAGE, part)) as shelf:
        by = Judge(teacher, who, rules, shelf)
        figures = judge.calibrate(by)
        told = judge.judge(
            [(row["problem"], text) for row, text in asked],
            by,
            run.tell,
        )
    said = {
        row["problem_id"]: {
            "answers": list(one.answers), "benchmark": row["benchmark"], "item": row["item"],
        }
        for (row, _), one in zip(asked, told, strict=True)
    }  # fmt: skip
    counts = Counter(one.verdict for one in told)
    return {
        "problems": said,
        "facts": {
            "judge_asked": len(asked),
            "judge_no_text": len(found) - len(asked),
            **{f"judge_{verdict}": count for verdict, count in sorted(counts.items())},
        },
        "judge": {
            "model": who.label,
            "prompt": by.prompt.id,
            "from": rules.judge_from,
            "calibration": figures,
        },
    }


def _candidates(run: Run, least: float) -> Iterator[dict[str, Any]]:
    """The clean problems of all parts that come near an item, with their text."""
    for part in range(run.parts):
        gone = run.read(STAGE, part, dropped=True).select("problem_id")
        near = run.read(STAGE, part).filter(
            pl.col("verdict") == CLEAN, pl.col("score") >= least, pl.col("item").is_not_null()
        )
        near = near.join(gone, on="problem_id", how="anti")
        texts = problems(run, part).select("problem_id", "problem")
        yield from near.join(texts, on="problem_id").sort("problem_id").iter_rows(named=True)


def _apply(run: Run, part: int, decided: Mapping[str, Mapping[str, Any]]) -> Counter[str]:
    """Write into a part what was decided; how many of its problems are dropped, by reason."""
    mine = {
        name: found
        for name, found in sorted(decided.items())
        if rows.bucket(name, run.parts) == part and _verdict(found) != CLEAN
    }
    more = [drop(name, _reason(found), _detail(found)) for name, found in mine.items()]
    if mine:
        before = run.read(STAGE, part, dropped=True).to_dicts()
        dropped = [row for row in before if row["problem_id"] not in mine]  # of a pass cut short
        kept = [
            {**row, "verdict": _verdict(found), "rule": JUDGE, "score": _judgement(found).score}
            if (found := mine.get(row["problem_id"]))
            else row
            for row in run.read(STAGE, part).iter_rows(named=True)
        ]
        run.write(STAGE, part, rows.OVERLAPS, kept, [*dropped, *more])
    return Counter(row["reason"] for row in more)


def _judgement(found: Mapping[str, Any]) -> Judgement:
    one, two = found["answers"]
    return Judgement((one, two))


def _verdict(found: Mapping[str, Any]) -> str:
    return _judgement(found).verdict


def _reason(found: Mapping[str, Any]) -> str:
    return "overlap_unknown" if _verdict(found) == UNKNOWN else f"overlap_{JUDGE}"


def _detail(found: Mapping[str, Any]) -> str:
    return f"{JUDGE} {_judgement(found)} {found['benchmark']} {found['item']}"
