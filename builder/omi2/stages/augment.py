"""Stage 2, augment: a teacher writes new problems, each inspired by a seed (paper, section 3.2).

Asks for `problems` new ones per seed, drops what is no new problem (cut off, too short or long, no
question, control or drawing tokens, a copy, only other numbers), and then does the one exchange of
the pipeline: a new problem goes to the bucket of its own id. Not covered: whether it can be solved.
"""

import re
from collections.abc import Iterator
from typing import Any

from omi2 import rows
from omi2.overlap.text import mask, words
from omi2.prompts import FewShot, load
from omi2.recipe import Augment, Recipe
from omi2.run import Report, Run, drop, tally
from omi2.teachers import Completion, Job, Request, generate

_ASKS = re.compile(
    r"\?|\b(?:find|compute|calculate|determine|evaluate|simplify|solve|what|how|express|factor|"
    r"prove|show|give|write|list|convert|expand)\b",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"\[asy\]|<\|[^|>]{1,40}\|>|\[/?INST\]|<</?SYS>>|<(?:/?s|bos|eos)>|\x00")
"""Drawings, and the marks of chat templates (21,800 rows of train_1M hold some)."""


def run(recipe: Recipe, run: Run) -> Report:
    """Write the new problems, each in its own bucket."""
    rules = recipe.augment
    asked = list(_asked(recipe, run))
    answers: dict[tuple[str, int], tuple[Job, Completion]] = {}
    jobs = (job for job, _ in asked)
    for job, completion in generate(jobs, recipe.teacher, lambda part: run.ledger("augment", part)):
        answers[job.handle] = job, completion
        run.tell("augment", len(answers), len(asked))
    kept, dropped = _sift(run, rules, [(seed, *answers[job.handle]) for job, seed in asked])
    run.scatter("augment", rows.PROBLEMS, kept, dropped)
    return Report(
        "new problems",
        came={"written": len(asked)},
        left={"new": len(kept)} if kept else {},
        dropped=tally(dropped),
        facts={"generated_tokens": sum(c.tokens for _, c in answers.values())},
    )


def _asked(recipe: Recipe, run: Run) -> Iterator[tuple[Job, dict[str, Any]]]:
    """A job for each new problem to ask for, with its seed."""
    rules = recipe.augment
    wanted = []
    for part in range(run.parts):
        for seed in run.read("seed", part).iter_rows(named=True):
            for sample in range(rules.problems.of(seed["problem_source"])):
                key = rows.order("augment limit", seed["problem_id"], sample)
                wanted.append((sample, key, part, seed))
    if rules.limit:  # fairly: every seed's first one before anyone's second
        wanted = sorted(wanted, key=lambda w: w[:2])[: rules.limit]
    for sample, _, part, seed in sorted(wanted, key=lambda w: (w[2], w[3]["problem_id"], w[0])):
        shots = _shots(rules, seed)
        number = rows.order("augment seed", seed["problem_id"], shots.id, sample) % 2**31
        request = Request(
            shots.render(seed["problem"]),
            rules.temperature.of(seed["problem_source"]),
            rules.top_p,
            rules.max_tokens,
            shots.stop,
            number,
        )
        yield Job(part, (seed["problem_id"], sample), request), seed


def _shots(rules: Augment, seed: dict[str, Any]) -> FewShot:
    return load(rules.prompt.of(seed["problem_source"]), "augment")


def _sift(
    run: Run, rules: Augment, written: list[tuple[dict[str, Any], Job, Completion]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The new problems, sorted by id, and what was dropped, with reasons."""
    known = {
        key: "copy_of_seed"
        for part in range(run.parts)
        for key in run.read("seed", part)["problem_id"].to_list()
    }
    kept: dict[str, dict[str, Any]] = {}
    dropped = []
    for seed, job, completion in written:
        shots = _shots(rules, seed)
        text = completion.text.strip()
        key = rows.problem_id(text)
        reason = _reason(text, completion, seed, shots, rules) or known.get(key, "")
        if reason:
            where = f"sample {job.handle[1]} from seed {seed['problem_id']}"
            dropped.append(drop(key, reason, f"{where} {completion.refused}".strip(), text=text))
            continue
        known[key] = "duplicate"
        kept[key] = {
            "problem_id": key,
            "problem": text,
            "problem_source": f"augmented_{seed['problem_source']}",
            "seed_id": seed["problem_id"],
            "gold": None,
            "subject": seed["subject"],
            "teacher": completion.model,
            "prompt": shots.id,
            "temperature": job.request.temperature,
            "top_p": job.request.top_p,
            "seed": job.request.seed,
        }
    return [kept[key] for key in sorted(kept)], dropped


def _reason(
    text: str, completion: Completion, seed: dict[str, Any], shots: FewShot, rules: Augment
) -> str:
    """Why this text is no new problem, or ""."""
    if completion.refused:
        return "refused"
    masked = mask(words(text))
    if not masked:
        return "empty"
    if completion.finish_reason == "length":
        return "cut_off"
    if len(text) < rules.min_chars:
        return "too_short"
    if len(text) > rules.max_chars:
        return "too_long"
    if _CONTROL.search(text):
        return "control_tokens"
    if not _ASKS.search(text):
        return "no_question"
    if any(masked == mask(words(shown)) for shown in shots.problems):
        return "copy_of_shot"
    return "only_other_numbers" if masked == mask(words(seed["problem"])) else ""
