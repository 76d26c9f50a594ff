"""Stage 2, augment: a teacher writes new problems, each inspired by a seed (paper, section 3.2).

Asks for `problems` new ones per seed, drops what is no new problem (cut off, too short or long, no
question, control or drawing tokens, a solution with its answer, a copy, only other numbers), and
then does the one exchange of the pipeline: a new problem goes to the bucket of its own id.

What the teacher said lies in the ledger. It is looked through part by part, and what is kept waits
on disk for the part it goes to, so that memory holds the seeds and one part. Not covered: whether a
problem can be solved.
"""

import functools
import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from omi2 import rows
from omi2.files import write_rows
from omi2.overlap.text import mask, words
from omi2.prompts import FewShot, load
from omi2.recipe import Augment, Recipe
from omi2.run import Report, Run, drop, tally
from omi2.spool import Spool
from omi2.teachers import Completion, Job, Request, Shelf, ask, identity
from omi2.teachers.live import Live
from omi2.texts import count_tokens, unfit

Row = dict[str, Any]

_ASKS = re.compile(
    r"\?|\b(?:find|compute|calculate|determine|evaluate|simplify|solve|what|how|express|factor|"
    r"prove|show|give|write|list|convert|expand)\b",
    re.IGNORECASE,
)
_DRAWING = "[asy]"
_ANSWER = re.compile(
    r"\\f?boxed\b|####|(?:^|\n)\s*(?:\*\*)?(?:My )?(?:Solution|Answer)(?:\*\*)?\s*[:\n]",
    re.IGNORECASE,
)
"""A box, or a heading under which the answer stands: a problem does not bring its solution."""


def run(recipe: Recipe, run: Run) -> Report:
    """Write the new problems, each in its own bucket."""
    rules = recipe.augment
    seeds = {
        row["problem_id"]: row
        for part in range(run.parts)
        for row in run.read("seed", part).iter_rows(named=True)
    }
    wanted = _wanted(rules, seeds)
    count = sum(map(len, wanted.values()))
    if not count:
        return _exchange(run, None)
    who = identity.known(recipe.teacher, run.ledger("augment", 0).parents[1])
    with (
        Shelf(lambda part: run.ledger("augment", part)) as shelf,
        Spool(run.path / ".augment") as spool,
    ):
        jobs = _jobs(rules, run, seeds, wanted)
        for _ in ask(jobs, recipe.teacher, who, shelf, Live(run.tell, "augment", count)):
            pass  # it is on the shelf
        for job in _jobs(rules, run, seeds, wanted):
            said = shelf.look(job.part, job.request.key(who.label))
            assert said is not None  # noqa: S101 (it was asked for)
            row = _judged(rules, seeds, job, said)
            spool.add(rows.bucket(row["problem_id"], run.parts), row)
        report = _exchange(run, spool)
        for part, jobs in groupby(_jobs(rules, run, seeds, wanted), key=lambda job: job.part):
            shelf.seal(part, (job.request.key(who.label) for job in jobs))
    return report


def _wanted(rules: Augment, seeds: dict[str, Row]) -> dict[str, range]:
    """Which samples to ask for from each seed, in the order of their ids."""
    wanted = {name: rules.problems.of(seeds[name]["problem_source"]) for name in sorted(seeds)}
    if rules.limit:  # fairly: every seed's first one before anyone's second
        left, level = rules.limit, 0
        given = dict.fromkeys(wanted, 0)
        while left and (able := [name for name, most in wanted.items() if most > level]):
            able.sort(key=lambda name: rows.order("augment limit", name, level))
            for name in able[:left]:
                given[name] += 1
            left -= len(able[:left])
            level += 1
        wanted = given
    return {name: range(most) for name, most in wanted.items() if most}


def _jobs(
    rules: Augment, run: Run, seeds: dict[str, Row], wanted: dict[str, range]
) -> Iterator[Job]:
    """A job for each sample of each seed, a seed's side by side, part by part."""
    for name, samples in wanted.items():
        seed, source = seeds[name], seeds[name]["problem_source"]
        shots = _shots(rules, seed)
        prompt, part = shots.render(seed["problem"]), rows.bucket(name, run.parts)
        for sample in samples:
            order = rows.order("augment seed", name, shots.id, sample) % 2**31
            temperature = rules.temperature.of(source)
            request = Request(prompt, temperature, rules.top_p, rules.max_tokens, shots.stop, order)
            yield Job(part, (name, sample), request)


def _shots(rules: Augment, seed: Row) -> FewShot:
    return load(rules.prompt.of(seed["problem_source"]), "augment", seed["subject"])


def _judged(rules: Augment, seeds: dict[str, Row], job: Job, said: Completion) -> Row:
    """The row of a new problem, or that of what is dropped, which has a `reason`."""
    name, sample = job.handle
    seed = seeds[name]
    shots = _shots(rules, seed)
    text = said.text.strip()
    key = rows.problem_id(text)
    reason = _reason(text, said, seed, shots, rules) or ("copy_of_seed" if key in seeds else "")
    where = f"sample {sample} from seed {name} {said.refused}".strip()
    if reason:
        return {**drop(key, reason, where, text=text), "generated": said.tokens}
    return {
        "problem_id": key,
        "problem": text,
        "problem_source": f"augmented_{seed['problem_source']}",
        "seed_id": name,
        "gold": None,
        "subject": seed["subject"],
        "teacher": said.model,
        "prompt": shots.id,
        "temperature": job.request.temperature,
        "top_p": job.request.top_p,
        "seed": job.request.seed if said.seed is None else said.seed,
        "where": where,
        "generated": said.tokens,
    }


def _exchange(run: Run, spool: Spool | None) -> Report:
    """Write every part from what waits for it; of equal problems the first is kept."""
    report = Report("new problems", came={"written": 0}, facts={"generated_tokens": 0})
    for part in range(run.parts):
        kept: dict[str, Row] = {}
        dropped, tokens, came = [], 0, 0
        for row in spool.rows(part) if spool else ():
            came, tokens = came + 1, tokens + row.pop("generated")
            if "reason" in row:
                dropped.append(row)
                continue
            where = row.pop("where")
            if row["problem_id"] in kept:
                again = drop(row["problem_id"], "duplicate", where, text=row["problem"])
                dropped.append(again)
            else:
                kept[row["problem_id"]] = row
        write_rows(run.part("augment", part), rows.PROBLEMS, (kept[key] for key in sorted(kept)))
        write_rows(run.part("augment", part, dropped=True), rows.DROPPED, dropped)
        report += Report(
            "new problems",
            came={"written": came},
            left={"new": len(kept)} if kept else {},
            dropped=tally(dropped),
            facts={"generated_tokens": tokens},
        )
    return report


def _reason(text: str, said: Completion, seed: Row, shots: FewShot, rules: Augment) -> str:
    """Why this text is no new problem, or ""."""
    if said.refused:
        return said.finish_reason  # refused, or failed beyond the retry budget
    masked = mask(words(text))
    if not masked:
        return "empty"
    if said.finish_reason == "length":
        return "cut_off"
    if len(text) < rules.min_chars:
        return "too_short"
    if len(text) > rules.max_chars:
        return "too_long"
    if count_tokens(text) > rules.max_problem_tokens:
        return "problem_too_long"
    if reason := unfit(text):
        return reason
    if _DRAWING in text:
        return "control_tokens"
    if _ANSWER.search(text):
        return "with_solution"
    if not _ASKS.search(text):
        return "no_question"
    if masked in _shown(shots.problems):
        return "copy_of_shot"
    return "only_other_numbers" if masked == _masked(seed["problem"]) else ""


@functools.lru_cache(maxsize=64)
def _masked(text: str) -> list[str]:
    return mask(words(text))


@functools.lru_cache(maxsize=64)
def _shown(problems: tuple[str, ...]) -> list[list[str]]:
    return [mask(words(shown)) for shown in problems]
