"""Stage 4, solve: the teacher writes solutions to every problem that is clean.

Each of a problem's samples has its own sampling seed, made from its ids, so a rerun asks just the
same. The work of all parts is one stream, so that endpoints stay busy from part to part; a part is
written when its last answer is in. A replay takes generations from a file instead. Text is kept as
it came; what it is worth is for the next stages.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import polars as pl

from omi2 import rows
from omi2.engines import over_parts, total
from omi2.prompts import load
from omi2.recipe import Recipe
from omi2.run import Report, Run, drop, problems, tally
from omi2.teachers import Completion, Job, Request, generate, replay


def run(recipe: Recipe, run: Run) -> Report:
    """Write the samples of every clean problem."""
    if replay.file_of(recipe.teacher):
        return over_parts(replay_part, recipe, run, "solve")
    return _ask(recipe, run)


def clean(run: Run, part: int) -> pl.DataFrame:
    """The problems of a part that the stage before let through, by id."""
    gone = run.read("decontaminate", part, dropped=True)
    return problems(run, part).join(gone, on="problem_id", how="anti").sort("problem_id")


def replay_part(recipe: Recipe, run: Run, part: int) -> Report:
    """Take one part's samples from the replayed file."""
    path = replay.file_of(recipe.teacher)
    assert path is not None  # noqa: S101 (run has looked)
    wanted = set(clean(run, part)["problem_id"].to_list())
    samples: Counter[str] = Counter()
    kept, dropped = [], []
    for row in replay.generations(recipe, path, part):
        key = row["problem_id"]
        sample = samples[key]
        samples[key] += 1
        if key not in wanted:
            dropped.append(drop(key, "problem_dropped", sample=sample))
            continue
        if not row["generation"] or not row["generation"].strip():
            dropped.append(drop(key, "empty", sample=sample))
            continue
        kept.append(
            {
                "problem_id": key,
                "sample": sample,
                "generation": row["generation"],
                "teacher": row.get("model") or "replay",
            }
        )
    facts = {"problems_without_generations": len(wanted - samples.keys())}
    return _write(run, part, kept, dropped, facts)


def _ask(recipe: Recipe, run: Run) -> Report:
    """Ask the teacher for whatever no complete part holds yet."""
    reports = {part: run.counts("solve", part) for part in range(run.parts)}
    todo = [part for part, report in reports.items() if report is None]
    missing = {part: _count(recipe, run, part) for part in todo}
    count = sum(missing.values())
    answers: dict[int, list[tuple[Job, Completion]]] = {part: [] for part in todo}

    def settle(part: int) -> None:
        if missing[part] == 0:
            report = _settle(run, part, answers.pop(part))
            run.count("solve", part, report)
            reports[part] = report

    for part in todo:
        settle(part)
    run.tell("solve", 0, count)
    jobs = (job for part in todo for job in _jobs(recipe, run, part))
    said = generate(jobs, recipe.teacher, lambda part: run.ledger("solve", part))
    for done, (job, completion) in enumerate(said, start=1):
        answers[job.part].append((job, completion))
        missing[job.part] -= 1
        run.tell("solve", done, count)
        settle(job.part)
    return total(reports)


def _count(recipe: Recipe, run: Run, part: int) -> int:
    """How many samples a part asks for."""
    samples = recipe.solve.samples
    return sum(samples.of(source) for source in clean(run, part)["problem_source"])


def _jobs(recipe: Recipe, run: Run, part: int) -> Iterator[Job]:
    """A job for each sample of each clean problem, a problem's samples side by side."""
    rules = recipe.solve
    for row in clean(run, part).iter_rows(named=True):
        source = row["problem_source"]
        shots = load(rules.prompt.of(source), "solve")
        prompt = shots.render(row["problem"])
        for sample in range(rules.samples.of(source)):
            request = Request(
                prompt,
                rules.temperature.of(source),
                rules.top_p,
                rules.max_tokens,
                shots.stop,
                rows.order("solve seed", row["problem_id"], shots.id, sample) % 2**31,
            )
            yield Job(part, (row["problem_id"], sample, shots.id), request)


def _settle(run: Run, part: int, answers: list[tuple[Job, Completion]]) -> Report:
    """Write a part whose answers are all in, in the order of its samples."""
    kept, dropped = [], []
    for job, completion in sorted(answers, key=lambda answer: answer[0].handle):
        key, sample, prompt = job.handle
        if completion.refused:  # by the teacher, or failed beyond the retry budget
            why = completion.finish_reason
            dropped.append(drop(key, why, completion.refused, sample=sample))
        elif not completion.text.strip():
            dropped.append(drop(key, "empty", sample=sample))
        else:
            kept.append(
                {
                    "problem_id": key,
                    "sample": sample,
                    "generation": completion.text,
                    "finish_reason": completion.finish_reason,
                    "tokens": completion.tokens,
                    "teacher": completion.model,
                    "prompt": prompt,
                    "temperature": job.request.temperature,
                    "top_p": job.request.top_p,
                    "seed": job.request.seed,
                }
            )
    tokens = sum(completion.tokens for _, completion in answers)
    return _write(run, part, kept, dropped, {"generated_tokens": tokens})


def _write(
    run: Run,
    part: int,
    kept: list[dict[str, Any]],
    dropped: list[dict[str, Any]],
    facts: dict[str, int],
) -> Report:
    run.write("solve", part, rows.SAMPLES, kept, dropped)
    came = len(kept) + len(dropped)
    return Report(
        "samples",
        came={"asked": came} if came else {},
        left={"answered": len(kept)} if kept else {},
        dropped=tally(dropped),
        facts={**facts, "problems": len({row["problem_id"] for row in kept})},
    )
