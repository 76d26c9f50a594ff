"""Stage 2, augment: a teacher writes new problems, each inspired by a seed (paper, section 3.2).

Asks for `problems` new ones per seed, drops what is no new problem (cut off, too short or long, no
question, control or drawing tokens, a copy, only other numbers), and then does the one exchange of
the pipeline: a new problem goes to the bucket of its own id. Not covered: whether it can be solved.
"""

import re
from typing import Any

from omi2 import rows
from omi2.overlap.text import mask, words
from omi2.prompts import FewShot, load
from omi2.recipe import Augment, Recipe
from omi2.run import Report, Run, drop, tally
from omi2.teachers import Completion, Job, Request, generate

Row = dict[str, Any]

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
    seeds = {
        row["problem_id"]: row
        for part in range(run.parts)
        for row in run.read("seed", part).iter_rows(named=True)
    }
    asked = _asked(rules, seeds)
    jobs = (
        Job(rows.bucket(name, run.parts), (name, sample), _request(rules, seeds[name], sample))
        for name, sample in asked
    )
    said: dict[tuple[str, int], Completion] = {}
    for job, completion in generate(jobs, recipe.teacher, lambda part: run.ledger("augment", part)):
        said[job.handle] = completion
        run.tell("augment", len(said), len(asked))
    written = [(seeds[name], sample, said[name, sample]) for name, sample in asked]
    kept, dropped = _sift(rules, seeds, written)
    run.scatter("augment", rows.PROBLEMS, kept, dropped)
    return Report(
        "new problems",
        came={"written": len(asked)},
        left={"new": len(kept)} if kept else {},
        dropped=tally(dropped),
        facts={"generated_tokens": sum(c.tokens for c in said.values())},
    )


def _asked(rules: Augment, seeds: dict[str, Row]) -> list[tuple[str, int]]:
    """The (seed, sample) pairs to ask for, a seed's side by side, in the order of their ids."""
    wanted = [
        (name, sample)
        for name, seed in seeds.items()
        for sample in range(rules.problems.of(seed["problem_source"]))
    ]
    if rules.limit:  # fairly: every seed's first one before anyone's second
        wanted.sort(key=lambda w: (w[1], rows.order("augment limit", *w)))
        wanted = wanted[: rules.limit]
    return sorted(wanted)


def _request(rules: Augment, seed: Row, sample: int) -> Request:
    """What is asked for a seed's sample: the same in every run."""
    shots = _shots(rules, seed)
    return Request(
        shots.render(seed["problem"]),
        rules.temperature.of(seed["problem_source"]),
        rules.top_p,
        rules.max_tokens,
        shots.stop,
        rows.order("augment seed", seed["problem_id"], shots.id, sample) % 2**31,
    )


def _shots(rules: Augment, seed: Row) -> FewShot:
    return load(rules.prompt.of(seed["problem_source"]), "augment")


def _sift(
    rules: Augment, seeds: dict[str, Row], written: list[tuple[Row, int, Completion]]
) -> tuple[list[Row], list[Row]]:
    """The new problems, sorted by id, and what was dropped, with reasons."""
    known = dict.fromkeys(seeds, "copy_of_seed")
    kept: dict[str, Row] = {}
    dropped = []
    for seed, sample, completion in written:
        shots = _shots(rules, seed)
        text = completion.text.strip()
        key = rows.problem_id(text)
        reason = _reason(text, completion, seed, shots, rules) or known.get(key, "")
        if reason:
            where = f"sample {sample} from seed {seed['problem_id']} {completion.refused}"
            dropped.append(drop(key, reason, where.strip(), text=text))
            continue
        known[key] = "duplicate"
        request = _request(rules, seed, sample)
        kept[key] = {
            "problem_id": key,
            "problem": text,
            "problem_source": f"augmented_{seed['problem_source']}",
            "seed_id": seed["problem_id"],
            "gold": None,
            "subject": seed["subject"],
            "teacher": completion.model,
            "prompt": shots.id,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "seed": request.seed,
        }
    return [kept[key] for key in sorted(kept)], dropped


def _reason(text: str, completion: Completion, seed: Row, shots: FewShot, rules: Augment) -> str:
    """Why this text is no new problem, or ""."""
    if completion.refused:
        return completion.finish_reason  # refused, or failed beyond the retry budget
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
