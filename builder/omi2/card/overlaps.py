"""What the card says of the overlap with benchmarks: what was compared, how, and by which rules."""

from collections.abc import Mapping
from typing import Any

from omi2.card.known import teller
from omi2.card.markdown import Markup, code, escape, join, table
from omi2.card.pictures import dropped_by_benchmark

Facts = Mapping[str, Any]

VERDICTS = ("clean", "contaminated", "unknown")


@teller
def decontamination(facts: Facts) -> Markup:
    """What was compared with what, in a sentence or two and a table."""
    told = facts["decontamination"]
    if not told["ran"]:
        return Markup(
            "**Decontamination was turned off.** Nothing is known of the overlap of these problems "
            "with any benchmark: do not train on them and report on one."
        )
    policy = "strict (an item with other numbers counts)" if told["strict"] else "standard"
    texts = [code(b["name"]) for b in told["benchmarks"] if b["texts"]]
    with_what = "their texts" if told["texts"] else "overlap indexes alone (hashes, no texts)"
    if texts and not told["texts"]:
        with_what = f"the texts of {join(texts)} and overlap indexes (hashes, no texts) of the rest"
    dropped = dropped_by_benchmark(facts)
    listed = table(
        ("benchmark", "items", "problems dropped", "compared by", "revision or content hash"),
        [
            (code(b["name"]), b["items"], dropped.get(b["name"], 0), _layers(b), _pinned(b))
            for b in told["benchmarks"]
        ],
    )
    verdicts = join(f"{name} {told['verdicts'][name]:,}" for name in VERDICTS)
    return Markup(
        f"Every problem was compared with the items below, by {with_what}; layers: "
        f"{join(told['layers'])}; policy: {policy}. Verdicts: {verdicts}. Contaminated and "
        f"unknown problems were dropped.{embeddings(told)}{_judge(told)}\n\n{listed}"
    )


@teller
def rules(facts: Facts) -> Markup:
    """The rules of decontamination with the recipe's thresholds; nothing where it did not run."""
    if not facts["decontamination"].get("ran"):
        return Markup("")
    found = facts["recipe"]["decontaminate"]
    return Markup(
        f"Rules: *exact*, the same words in the same order; *near_dup*, more than "
        f"{found['overlap']:.0%} of the item's words lie in {found['ngram']}-word runs shared with "
        f"the problem, or more than {found['masked_overlap']:.0%} when numbers are masked, and the "
        "problem has the item's numbers; *number_change*, the same with other numbers; *rephrase*, "
        "the item told in other words, by a scorer over rare words and numbers that is "
        f"{found['rephrase']} at the threshold; *judge*, what a judge calls the item in other "
        "words, where one was asked; *unknown*, what could not be compared, or had no answer from "
        "the judge. A score of 1 is all of the item."
    )


def embeddings(told: Mapping[str, Any]) -> str:
    """The model whose embeddings were compared, or why none were."""
    found = told.get("embeddings")
    if not found:
        return " Whether embeddings were compared is not known."
    if not found["ran"]:
        return f" Embeddings were not compared: {escape(found['why'])}."
    return (
        f" Embeddings are those of {code(found['model'])}, decided by the weights and the "
        f"threshold fitted for {code(found['thresholds_of'])}."
    )


def _layers(benchmark: Mapping[str, Any]) -> Markup:
    """The layers that a benchmark was compared by, and whether by hashes alone."""
    layers = join(map(escape, benchmark.get("layers", ()))) or Markup("not known")
    return Markup(f"{'texts' if benchmark['texts'] else 'an index alone'}: {layers}")


def _judge(told: Mapping[str, Any]) -> str:
    """How the judge did on pairs that are known, where one was asked."""
    found = told.get("judge")
    if not found:
        return ""
    right = {"copy": "yes", "paraphrase": "yes"}
    figures = ", ".join(
        f"{counts[right.get(kind, 'no')]} of {sum(counts.values())} {kind.replace('_', ' ')}"
        for kind, counts in found["calibration"].items()
    )
    return (
        f" A judge, {code(found['model'])}, was asked in both orders about what came near "
        f"({found['from']} and up, below every threshold); of questions known before, it answered "
        f"right: {figures}."
    )


def _pinned(benchmark: Mapping[str, Any]) -> Markup:
    """What pins a benchmark; told as unknown where nothing does."""
    found = benchmark.get("revision") or benchmark.get("content")
    return code(found) if found else Markup("not known")
