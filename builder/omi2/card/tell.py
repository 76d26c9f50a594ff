"""The card's sentences and tables, each a function of the facts and the measured numbers.

A fact that is missing (an older release's, a report without that section) is told as not known, and
never left out silently.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from omi2 import rows
from omi2.card import front
from omi2.card.known import teller
from omi2.card.markdown import Markup, code, escape, join, megabytes, percent, table
from omi2.card.words import COLUMNS, TERMS

Facts = Mapping[str, Any]

EXAMPLE = 48
"""Letters of an example in the table of columns."""


def counted(number: int, one: str, many: str) -> Markup:
    """`1 copy`, `4 copies`."""
    return Markup(f"{number:,} {one if number == 1 else many}")


def glob(files: Sequence[str]) -> str:
    """A pattern for these shards and no others, for readers that take one."""
    tiers = sorted({name.partition("-")[0].removeprefix("data/tier") for name in files})
    if not tiers:
        return "data/*.parquet"
    one = tiers[0] if len(tiers) == 1 else f"[{tiers[0]}-{tiers[-1]}]"
    return f"data/tier{one}-*.parquet"


def cost(
    numbers: Mapping[str, Any], files: Sequence[str], columns: Sequence[str] = rows.ROWS.names
) -> Markup:
    """What loading these files costs, a file named twice being downloaded once."""
    down, besides = front.download(numbers, files), front.arrow_bytes(numbers, files, columns)
    return Markup(f"downloads {megabytes(down)} and writes {megabytes(besides)} besides")


def reading(numbers: Mapping[str, Any], files: Sequence[str], columns: Sequence[str]) -> Markup:
    """What a reader of Parquet reads for these columns, of all that these files hold."""
    part, whole = front.stored(numbers, files, columns), front.download(numbers, files)
    return Markup(f"reads {megabytes(part)} of {megabytes(whole)}")


@teller
def by(facts: Facts) -> Markup:
    """How many teachers there are."""
    return counted(len(facts["teachers"]), "teacher", "teachers")


@teller
def grader(facts: Facts) -> Markup:
    """What compared the answers."""
    return code(facts["grader"])


@teller
def promise(facts: Facts) -> Markup:
    """What every row says of itself, as far as it does."""
    told = "Every row says where it came from, who wrote it and how the vote went"
    if facts["decontamination"].get("ran"):
        told += ", and how much its problem overlaps with a benchmark"
    return Markup(f"{told}.")


@teller
def configs(facts: Facts, numbers: Mapping[str, Any]) -> Markup:
    """What asking for each config costs."""
    every = {"default": list(facts["splits"])}
    every |= {config: [split] for config, split in front.configs(facts).items()}
    lines = []
    for config, names in every.items():
        files = [file for name in names for file in facts["splits"][name]["files"]]
        splits = names if config == "default" else ["train"]
        lines.append(
            (
                code(config),
                join(map(code, splits)),
                max(facts["splits"][name]["rows"] for name in names),
                megabytes(front.download(numbers, files)),
                megabytes(front.arrow_bytes(numbers, files)),
            )
        )
    return table(("config", "splits", "rows", "download", "disk besides"), lines)


@teller
def splits(facts: Facts, numbers: Mapping[str, Any]) -> Markup:
    """Each split's rows, bytes and files."""
    return table(
        (Markup("split of `default`"), "rows", "bytes in memory", "files"),
        [
            (code(n), s["rows"], front.arrow_bytes(numbers, s["files"]), len(s["files"]))
            for n, s in facts["splits"].items()
        ],
    )


@teller
def sources(facts: Facts) -> Markup:
    """Problems and rows of each source."""
    return table(
        ("problem_source", "problems", "rows", "rows a problem"),
        [
            (code(n), s["problems"], s["rows"], f"{s['rows'] / max(s['problems'], 1):.1f}")
            for n, s in facts["sources"].items()
        ],
    )


def columns(row: Mapping[str, Any] | None) -> Markup:
    """Type, meaning and an example of every column."""
    lines = []
    for field in rows.ROWS:
        value = "" if row is None else _example(row[field.name])
        lines.append((code(field.name), code(field.type), COLUMNS[field.name], value))
    return table(("column", "type", "meaning", "example"), lines)


@teller
def seeds(facts: Facts) -> Markup:
    """Which split the problems began from, in so many words."""
    told = []
    for source in facts["recipe"]["seed"]["sources"]:
        name, split = code(source["name"]), source["split"]
        if source["package"]:
            said = "written for omi2, part of no published set and no benchmark"
        elif split:
            said = f"its *{escape(split)}* split and no other"
        else:
            said = "all rows of its file, whatever their split"
        told.append(f"{name}: {said}")
    only_train = all(
        s["split"] == "train" or s["package"] for s in facts["recipe"]["seed"]["sources"]
    )
    end = (
        "No test split was used as a seed: where a set has a train and a test split, its name in "
        "`problem_source` means the train split."
        if only_train
        else "**Not all of these are train splits**: see below what was compared with benchmarks."
    )
    return Markup(f"{'; '.join(told)}. {end}")


@teller
def origins(facts: Facts) -> Markup:
    """Where each seed set was read from."""
    return table(
        ("seed set", "read from"),
        [
            (code(name), join(f"{key} {value}" for key, value in origin.items()))
            for name, origin in facts["origins"].items()
        ],
    )


@teller
def teachers(facts: Facts) -> Markup:
    """Rows by the model that wrote them."""
    return table(("teacher", "rows"), [(code(n), count) for n, count in facts["teachers"].items()])


@teller
def terms(facts: Facts) -> Markup:
    """The terms that each teacher's outputs bring along."""
    told = []
    for name in facts["teachers"]:
        last = name.rpartition("/")[2]
        known = (said for start, said in TERMS.items() if last.startswith(start))
        said = next(known, "its terms are not known to omi2: read them before you use its outputs")
        told.append(f"- {code(name)}: {said}")
    return Markup("\n".join(told) or "- no teacher is named")


@teller
def sampling(facts: Facts) -> Markup:
    """How the teacher was asked."""
    lines = []
    for stage, what, number in (
        ("augment", "new problems a seed", "problems"),
        ("solve", "solutions a problem", "samples"),
    ):
        asked = facts["recipe"][stage]
        if any(asked[number].values()) and any(asked["prompt"].values()):
            lines.append(
                (
                    what,
                    _by_source(asked[number]),
                    _by_source(asked["prompt"]),
                    _by_source(asked["temperature"]),
                    asked["top_p"],
                    asked["max_tokens"],
                )
            )
    head = ("asked for", "how many", "prompt", "temperature", "top_p", "max_tokens")
    return table(head, lines) or Markup("The generations were recorded before and replayed.")


@teller
def funnel(facts: Facts) -> Markup:
    """What came, left and was dropped at every stage, and why."""
    return table(
        ("stage", "of", "came", "left", "dropped"),
        [
            (
                step["stage"],
                step["unit"],
                sum(step["came"].values()),
                sum(step["left"].values()),
                join(f"{why} {n:,}" for why, n in step["dropped"].items()) or "none",
            )
            for step in facts["funnel"]
        ],
    )


@teller
def filters(facts: Facts) -> Markup:
    """The bounds that the filter kept to."""
    rules = facts["recipe"]["filter"]
    least = f" and at least {rules['min_chars']:,} characters long" if rules["min_chars"] else ""
    return Markup(f"Solutions are shorter than {rules['max_tokens']:,} tokens{least}.")


@teller
def grading(facts: Facts) -> Markup:
    """What the grader decided, from its stage's report."""
    steps = [s for s in facts["funnel"] if s["stage"] == "grade" and s.get("facts")]
    if not steps:
        return Markup("The grader's report is missing from this release.")
    found = steps[0]["facts"]
    voted, agreed, tied = (found[f"problems_{name}"] for name in ("voted", "unanimous", "tied"))
    if not voted:
        return Markup("Every problem came with a gold answer, so none was decided by a vote.")
    rules = facts["recipe"]["grade"]
    ties = "dropped" if rules["ties"] == "drop" else "decided by hash"
    needed = (
        "No number or share of votes was asked for."
        if rules["min_votes"] <= 1 and not rules["min_share"]
        else f"The winning answer needed {rules['min_votes']} votes or more, and "
        f"{rules['min_share']:.0%} of all."
    )
    return Markup(
        f"{voted:,} problems without a gold answer were voted on; {agreed:,} of them "
        f"({percent(agreed, voted)}) unanimously; {tied:,} ended in a tie, "
        f"and ties were {ties}. {needed}"
    )


@teller
def limits(facts: Facts, numbers: Mapping[str, Any]) -> Markup:
    """How far the votes can be trusted, by what was measured."""
    new = numbers["votes"]["new"]
    told = new["problems"]
    if not told:
        return Markup("This release has no new problem: all of them are seeds.")
    half, most = sum(new["bars"][5:]), sum(new["bars"][8:])
    return Markup(
        f"Of {told:,} new problems with a row, the expected answer got all votes for "
        f"{percent(new['unanimous'], told)}, more than 80% of them for {percent(most, told)}, more "
        f"than half for {percent(half, told)}: `votes` and `votes_total` let you choose."
    )


def _by_source(values: Mapping[str, Any]) -> Markup:
    """A setting that may differ by source."""
    if len(values) == 1:
        return escape(next(iter(values.values())))
    return join(f"{name} {value}" for name, value in values.items())


def _example(value: Any) -> Markup:
    text = value if isinstance(value, str) else json.dumps(_rounded(value), ensure_ascii=False)
    return code(text if len(text) <= EXAMPLE else f"{text[: EXAMPLE - 1]}…")


def _rounded(value: Any) -> Any:
    """Without the digits that a 32-bit float does not have."""
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return float(f"{value:.6g}") if isinstance(value, float) else value
