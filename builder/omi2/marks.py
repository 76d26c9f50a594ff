r"""What a released solution should not have in it, and whether its box is what was graded.

| mark           | what it says                                        | source                 |
|----------------|-----------------------------------------------------|------------------------|
| no_box         | no `\boxed{}`: its answer was stated in words       | paper, section 3.1     |
| control_tokens | tokens of a chat template, such as `<|im_end|>`     | a census of train_1M   |
| diagram        | a drawing: Asymptote, TikZ, PSTricks, SVG, an image | a census of train_1M   |
| code           | a program, or the beginning of one                  | NeMo-Skills            |

(The census counted 21,800 of a million rows with drawings or chat tokens, and 993 whose box is not
the expected answer.) A mark is a flag of the row; the recipe's `drop_marked` names those that drop
it. A box is not the answer where a text boxes one, goes on, and ends with another: what is graded
is the last word, and a cut after the first box would release the other. Such a row is dropped.

`marks` and `mismatched` look at one text; `mark_column` does the same for millions.
"""

import re

import polars as pl

from omi2.answers.boxed import boxes
from omi2.answers.column import extract_column
from omi2.answers.extract import extract
from omi2.sections import MARKS, Filter
from omi2.texts import has_chat_tokens

_CODE = re.compile(r"```|<llm-code>|^[ \t]*(?:import \w+|from \w+ import |def \w+\()", re.MULTILINE)
_DIAGRAM = re.compile(
    r"\[/?asy\]|\\begin\{(?:asy|tikzpicture|pspicture|picture)\*?\}|\\includegraphics\b|<svg[\s>]"
)
_MAYBE = [
    "```", "<llm-code>", "import ", "def ", "[asy]", "[/asy]", "\\begin{asy",
    "\\begin{tikz", "\\begin{pspicture", "\\begin{picture", "\\includegraphics", "<svg", "<|",
    "INST]", "SYS>>", "<s>", "</s>", "<bos>", "<eos>", "</bos>", "</eos>", "im_start>", "im_end>",
]  # fmt: skip
"""Without one of these there is no mark but no_box."""
_ANY = "|".join(map(re.escape, _MAYBE))
_SPACE = "".join(filter(str.isspace, map(chr, range(0x3001))))
"""What `str.rstrip` takes off."""
_MENTION = r"\\(?:boxed|fbox|framebox)"
_PLAIN_BOX = r"\\boxed\{[^{}\\]*[^{}\\\s][^{}\\]*\}"
_FLAT = r"[^{}\\]|\\[^{}]"
_NESTED_BOX = rf"\\boxed\{{(?:{_FLAT}|\{{(?:{_FLAT}|\{{(?:{_FLAT})*\}})*\}})+\}}"


def marks(solution: str, *, boxed: bool = False) -> tuple[str, ...]:
    """The marks of a solution, in the order of `MARKS`; that it is `boxed` may be known."""
    found = {
        "no_box": not boxed and not boxes(solution),
        "control_tokens": has_chat_tokens(solution),
        "diagram": _DIAGRAM.search(solution) is not None,
        "code": _CODE.search(solution) is not None,
    }
    return tuple(name for name in MARKS if found[name])


def mismatched(generation: str, start: int, end: int) -> bool:
    """Whether the part that is kept ends with another answer than the whole, which was graded."""
    if end >= len(generation.rstrip()):
        return False
    return extract(generation[start:end]) != extract(generation)


def mark_column(frame: pl.DataFrame, generations: pl.Series, rules: Filter) -> pl.DataFrame:
    """`frame` with `flags`, and the reason of rows that had none and a rule of ours drops.

    It needs `start`, `end`, `solution`, `reason` and `detail` of each generation, and whether the
    solution is the `whole` generation, with a box.
    """
    solution = pl.col("solution")
    good = frame.with_row_index("row").filter(reason="")
    rest = good.filter(~pl.col("whole"))
    unsure = rest.filter(~solution.str.contains(_PLAIN_BOX))
    unsure = unsure.filter(~solution.str.contains(_NESTED_BOX))
    boxed = ~pl.col("row").is_in(unsure["row"].implode())
    looked = good.filter(~boxed | solution.str.contains(_ANY)).select("row", solution, boxed=boxed)
    flags = [list(marks(one, boxed=known)) for _, one, known in looked.iter_rows()]
    found = pl.DataFrame(
        {"row": looked["row"], "flags": flags},
        {"row": pl.get_index_type(), "flags": pl.List(pl.String)},
    )
    drops = {name: (name, "") for name in rules.drop_marked}
    told = {
        row: next((drops[name] for name in flags if name in drops), None)
        for row, flags in found.iter_rows()
        if drops
    }
    if rules.box_matches:
        told |= {row: ("box_not_matching", what) for row, what in _mismatches(rest, generations)}
    gone = [(row, *why) for row, why in told.items() if why]
    new = pl.DataFrame(
        gone, {"row": pl.get_index_type(), "why": pl.String, "what": pl.String}, orient="row"
    )
    frame = frame.with_row_index("row").join(found, on="row", how="left", maintain_order="left")
    frame = frame.join(new, on="row", how="left", maintain_order="left")
    return frame.with_columns(
        flags=pl.col("flags").fill_null([]),
        reason=pl.coalesce("why", "reason"),
        detail=pl.coalesce("what", "detail"),
    ).drop("row", "why", "what")


def _mismatches(frame: pl.DataFrame, generations: pl.Series) -> list[tuple[int, str]]:
    """The rows whose box is not the answer, with the answer; only those cut can be."""
    text = pl.col("text")
    several = text.str.count_matches(_MENTION) > 1
    frame = frame.with_columns(text=generations.gather(frame["row"]))
    cut = frame.filter(pl.col("end") < text.str.strip_chars_end(_SPACE).str.len_chars())
    doubted = cut.filter(text.str.contains("inal answer", literal=True) | several)
    whole = doubted["text"]
    kept = doubted.select(text.str.slice("start", pl.col("end") - pl.col("start"))).to_series()
    answer, said = extract_column(kept), extract_column(whole)
    gone = answer.ne_missing(said)
    return [
        (row, f"{what}")
        for row, what in zip(doubted["row"].filter(gone), said.filter(gone), strict=True)
    ]
