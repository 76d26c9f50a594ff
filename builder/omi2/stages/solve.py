"""Stage 4, solve: the teacher writes solutions to every problem that is clean.

Each of a problem's samples has its own sampling seed, made from its ids, so a rerun asks just the
same. The work of all parts is one stream, so that endpoints stay busy from part to part; a part is
written when its last answer is in, out of the ledger, a few thousand rows at a time: no text waits
in memory. Then the part's ledger is sealed. A replay takes generations from a file instead. Text is
kept as it came; what it is worth is for the next stages.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from omi2 import ids, rows
from omi2.engines import total
from omi2.files import atomic, write_rows, write_table
from omi2.prompts import load
from omi2.recipe import Recipe
from omi2.run import Report, Run, as_arrow, counted, drop, problems, tally
from omi2.teachers import Job, Request, Shelf, ask, identity, replay
from omi2.teachers.live import Live

OPEN_FILES = 256
"""Parts that are written in one reading of a replayed file."""
_REPEATED = [name for name in rows.SAMPLES.names if name != "generation"]
"""Columns of few values; a dictionary of texts would be begun and given up."""
_SAMPLES = pa.schema(
    [f.with_type(pa.string_view()) if f.name == "generation" else f for f in rows.SAMPLES]
)
"""The same table, whose texts need not be copied side by side before they are written."""
NOBODY = identity.Identity(())


def run(recipe: Recipe, run: Run) -> Report:
    """Write the samples of every clean problem."""
    if replay.file_of(recipe.teacher):
        return _replay(recipe, run)
    return _ask(recipe, run)


def clean(run: Run, part: int) -> pl.DataFrame:
    """The problems of a part that the stage before let through, by id."""
    gone = run.read("decontaminate", part, dropped=True)
    return problems(run, part).join(gone, on="problem_id", how="anti").sort("problem_id")


def _replay(recipe: Recipe, run: Run) -> Report:
    """Take the samples of all parts that are not done from the replayed file, in one reading."""
    path = replay.file_of(recipe.teacher)
    assert path is not None  # noqa: S101 (run has looked)
    reports = {part: run.counts("solve", part) for part in range(run.parts)}
    todo = [part for part, report in reports.items() if report is None]
    for begin in range(0, len(todo), OPEN_FILES):
        for part, report in _replayed(run, path, todo[begin : begin + OPEN_FILES]).items():
            run.count("solve", part, report)
            reports[part] = report
    return total(reports)


def _replayed(run: Run, path: Path, todo: list[int]) -> dict[int, Report]:
    """Write these parts from the file."""
    wanted = pl.concat([clean(run, part).select("problem_id") for part in todo])
    wanted = wanted.with_columns(wanted=True)
    tallies: list[pl.DataFrame] = []
    dropped: list[pl.DataFrame] = []
    good, done, size = pl.col("reason") == "", 0, replay.rows(path)
    with ExitStack() as stack:
        files = {}
        for part in todo:
            to = stack.enter_context(atomic(run.part("solve", part)))
            files[part] = stack.enter_context(
                pq.ParquetWriter(
                    to, _SAMPLES, compression="lz4", use_dictionary=_REPEATED, store_schema=False
                )
            )

        def write(kept: pl.DataFrame) -> None:
            table, begin = as_arrow(kept, _SAMPLES), 0
            for part, count in kept.group_by("part", maintain_order=True).len().iter_rows():
                files[part].write_table(table.slice(begin, count))
                begin += count

        beside = stack.enter_context(ThreadPoolExecutor(1))  # one batch is written, one is read
        written: Future[None] = beside.submit(lambda: None)
        for batch in replay.samples(path, run.parts):
            done += len(batch)
            run.tell("solve", done, size)
            table = _reasons(batch.filter(pl.col("part").is_in(todo)), wanted)
            tallies.append(table.group_by("part", "problem_id").agg(kept=good.sum()))
            dropped.append(table.filter(~good).select("part", "problem_id", "sample", "reason"))
            kept = table.filter(good).sort("part", maintain_order=True)
            written.result()
            written = beside.submit(write, kept)
        written.result()
    return _replay_reports(run, todo, wanted["problem_id"], pl.concat(tallies), pl.concat(dropped))


def _reasons(table: pl.DataFrame, wanted: pl.DataFrame) -> pl.DataFrame:
    """A replay's rows with the `reason` to drop each, or ""."""
    text = pl.col("generation")
    blank = text.is_null() | ~text.str.contains(r"[^\s\x1c-\x1f]")
    empty = pl.when(blank).then(pl.lit("empty")).otherwise(pl.lit(""))
    gone = pl.col("wanted").is_null()
    return table.join(wanted, on="problem_id", how="left", maintain_order="left").with_columns(
        reason=pl.when(gone).then(pl.lit("problem_dropped")).otherwise(empty)
    )


def _replay_reports(
    run: Run, todo: list[int], wanted: pl.Series, tallies: pl.DataFrame, dropped: pl.DataFrame
) -> dict[int, Report]:
    """Write what each part of a replay dropped, and count.

    `tallies` are the rows kept (`kept`) of each problem, in pieces; `dropped` the others.
    """
    gone = dict(_by_part(dropped))
    tallies = tallies.group_by("part", "problem_id").agg(pl.col("kept").sum())
    kept = {part: table["kept"] for part, table in _by_part(tallies)}
    silent = wanted.to_frame().join(tallies, on="problem_id", how="anti")["problem_id"]
    without = Counter(ids.buckets(silent, run.parts).tolist())
    reports = {}
    for part in todo:
        lost = gone.get(part, dropped.clear())
        counts = kept.get(part, pl.Series([], dtype=pl.Int64))
        write_table(run.part("solve", part, dropped=True), as_arrow(lost, rows.DROPPED))
        facts = {
            "problems_without_generations": without[part],
            "problems": int((counts > 0).sum()),
        }
        reports[part] = _report(int(counts.sum()), counted(lost), facts)
    return reports


def _by_part(table: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    for (part,), found in table.group_by("part", maintain_order=True):
        yield int(str(part)), found


def _ask(recipe: Recipe, run: Run) -> Report:
    """Ask the teacher for whatever no complete part holds yet."""
    reports = {part: run.counts("solve", part) for part in range(run.parts)}
    todo = [part for part, report in reports.items() if report is None]
    missing = {part: _count(recipe, run, part) for part in todo}
    count = sum(missing.values())
    live = Live(run.tell, "solve", count)
    who = identity.known(recipe.teacher, run.ledger("solve", 0).parents[1]) if count else NOBODY
    with Shelf(lambda part: run.ledger("solve", part)) as shelf:

        def settle(part: int) -> None:
            report = _settle(recipe, run, part, shelf, who)
            run.count("solve", part, report)
            reports[part] = report
            shelf.seal(part, (job.request.key(who.label) for job in _jobs(recipe, run, part)))

        for part in todo:
            if not missing[part]:
                settle(part)
        jobs = (job for part in todo for job in _jobs(recipe, run, part))
        for job, _ in ask(jobs, recipe.teacher, who, shelf, live) if count else ():
            missing[job.part] -= 1
            if not missing[job.part]:
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
        shots = load(rules.prompt.of(source), "solve", row["subject"])
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


def _settle(recipe: Recipe, run: Run, part: int, shelf: Shelf, who: identity.Identity) -> Report:
    """Write a part whose answers are all in, in the order of its samples, from the ledger."""
    dropped: list[dict[str, Any]] = []
    facts = Counter({"generated_tokens": 0, "problems": 0})

    def kept() -> Iterator[dict[str, Any]]:
        last = ""
        for job in _jobs(recipe, run, part):
            key, sample, prompt = job.handle
            said = shelf.look(part, job.request.key(who.label))
            assert said is not None  # noqa: S101 (it was asked for)
            facts["generated_tokens"] += said.tokens
            if said.refused:  # by the teacher, or failed beyond the retry budget
                dropped.append(drop(key, said.finish_reason, said.refused, sample=sample))
            elif not said.text.strip():
                dropped.append(drop(key, "empty", sample=sample))
            else:
                facts["problems"] += key != last
                last = key
                yield {
                    "problem_id": key,
                    "sample": sample,
                    "generation": said.text,
                    "finish_reason": said.finish_reason,
                    "tokens": said.tokens,
                    "teacher": said.model,
                    "prompt": prompt,
                    "temperature": job.request.temperature,
                    "top_p": job.request.top_p,
                    "seed": job.request.seed if said.seed is None else said.seed,
                }

    count = write_rows(run.part("solve", part), rows.SAMPLES, kept())
    write_rows(run.part("solve", part, dropped=True), rows.DROPPED, dropped)
    return _report(count, tally(dropped), dict(facts))


def _report(count: int, dropped: dict[str, int], facts: dict[str, int]) -> Report:
    came = count + sum(dropped.values())
    return Report(
        "samples",
        came={"asked": came} if came else {},
        left={"answered": count} if count else {},
        dropped=dropped,
        facts=facts,
    )
