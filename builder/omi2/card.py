"""Render the release's README.md and contamination report from the templates in cards/.

Every number comes from the manifest's facts; nothing is typed. Text that people did not write
(source names, benchmark ids, model names) is escaped before it enters Markdown. The front matter
names the files of every split and config outright, so that nothing is guessed from file names.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import pyarrow as pa
import yaml

from omi2 import rows

_HERE = Path(__file__).parent
CARDS = next(p for p in (_HERE / "cards", _HERE.parents[1] / "cards") if p.is_dir())
"""The templates: inside the package in a wheel, beside builder/ in a checkout."""


class _Plain(yaml.SafeDumper):
    """YAML without anchors: people and simple parsers read this."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def render(facts: Mapping[str, Any]) -> str:
    """The dataset card of a release."""
    recipe = facts["recipe"]
    return (
        "---\n"
        + front_matter(facts)
        + "---\n\n"
        + _fill(
            "dataset.md",
            name=facts["name"],
            rows=f"{facts['rows']:,}",
            problems=f"{sum(s['problems'] for s in facts['sources'].values()):,}",
            splits=_table(
                ("split", "rows", "files"),
                [(f"`{n}`", f"{s['rows']:,}", len(s["files"])) for n, s in facts["splits"].items()],
            ),
            configs=_table(
                ("config", "rows"),
                [(f"`{n}`", f"{facts['splits'][s]['rows']:,}") for n, s in _configs(facts).items()],
            ),
            sources=_table(
                ("problem_source", "problems", "rows"),
                [(n, f"{s['problems']:,}", f"{s['rows']:,}") for n, s in facts["sources"].items()],
            ),
            origins=_table(
                ("seed set", "from"),
                [
                    (n, ", ".join(f"{k} {v}" for k, v in o.items()))
                    for n, o in facts["origins"].items()
                ],
            ),
            funnel=_table(("stage", "", "came", "left", "dropped"), _funnel(facts)),
            decontamination=decontamination(facts),
            seeds=_seeds(facts),
            teachers=_table(
                ("teacher", "rows"), [(n, f"{count:,}") for n, count in facts["teachers"].items()]
            ),
            min_chars=recipe["filter"]["min_chars"],
            max_tokens=recipe["filter"]["max_tokens"],
            grader=facts["grader"],
            version=facts["versions"]["omi2"],
        )
    )


def front_matter(facts: Mapping[str, Any]) -> str:
    """The card's YAML: licence, configs with their files, features and sizes."""
    splits = facts["splits"]
    configs = [
        {
            "config_name": "default",
            "default": True,
            "data_files": [{"split": n, "path": s["files"]} for n, s in splits.items()],
        }
    ]
    infos = [_info("default", facts, {name: name for name in splits})]
    for config, split in _configs(facts).items():
        files = [{"split": "train", "path": splits[split]["files"]}]
        configs.append({"config_name": config, "data_files": files})
        infos.append(_info(config, facts, {"train": split}))
    return yaml.dump(
        {
            "license": facts["licence"],
            "language": ["en"],
            "task_categories": ["question-answering", "text-generation"],
            "size_categories": [_size(facts["rows"])],
            "tags": ["math", "synthetic", "omi2"],
            "pretty_name": f"omi2 {facts['name']}",
            "configs": configs,
            "dataset_info": infos,
        },
        Dumper=_Plain,
        sort_keys=False,
        allow_unicode=True,
    )


def decontamination(facts: Mapping[str, Any]) -> str:
    """What was compared with what, in a sentence or two and a table."""
    told = facts["decontamination"]
    if not told["ran"]:
        return (
            "**Decontamination was turned off.** Nothing is known of the overlap of these problems "
            "with any benchmark: do not train on them and report on one."
        )
    verdicts = ", ".join(f"{name} {count:,}" for name, count in told["verdicts"].items())
    policy = "strict (an item with other numbers counts)" if told["strict"] else "standard"
    with_what = "texts and indexes" if told["texts"] else "overlap indexes alone (hashes, no texts)"
    table = _table(
        ("benchmark", "items", "revision or sha256"),
        [
            (b["name"], f"{b['items']:,}", b.get("revision") or b.get("sha256") or "")
            for b in told["benchmarks"]
        ],
    )
    return (
        f"Every problem was compared with the items below, by {with_what}; layers: "
        f"{', '.join(told['layers'])}; policy: {policy}. Verdicts: {verdicts}. Contaminated and "
        f"unknown problems were dropped.\n\n{table}"
    )


def contamination(facts: Mapping[str, Any], matches: Sequence[Mapping[str, Any]]) -> str:
    """The contamination report: every match by id, without any text."""
    return _fill(
        "contamination.md",
        name=_escape(facts["name"]),
        decontamination=decontamination(facts),
        rules=_rules(facts),
        count=f"{len(matches):,}",
        matches=_table(
            ("problem_id", "reason", "rule, score, benchmark, item"),
            [(f"`{m['problem_id']}`", m["reason"], m["detail"]) for m in matches],
        ),
    )


def _configs(facts: Mapping[str, Any]) -> dict[str, str]:
    """The configs of one size each, and the split that each holds."""
    return {n.removeprefix("train_"): n for n in facts["splits"] if n.startswith("train_")}


def _info(config: str, facts: Mapping[str, Any], splits: Mapping[str, str]) -> dict[str, Any]:
    found = {name: facts["splits"][split] for name, split in splits.items()}
    return {
        "config_name": config,
        "features": [_feature(field) for field in rows.ROWS],
        "splits": [
            {"name": n, "num_bytes": s["bytes"], "num_examples": s["rows"]}
            for n, s in found.items()
        ],
        "dataset_size": sum(s["bytes"] for s in found.values()),
    }


def _feature(field: pa.Field) -> dict[str, Any]:
    """A column as the Hub's YAML names it."""
    if pa.types.is_struct(field.type):
        return {"name": field.name, "struct": [_feature(inner) for inner in field.type]}
    kind = {"float": "float32", "double": "float64"}.get(str(field.type), str(field.type))
    return {"name": field.name, "dtype": kind}


def _size(count: int) -> str:
    """The Hub's word for a number of rows."""
    bounds = [(10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"),
              (10**7, "1M<n<10M"), (10**8, "10M<n<100M")]  # fmt: skip
    return next((word for bound, word in bounds if count < bound), "100M<n<1B")


def _funnel(facts: Mapping[str, Any]) -> list[tuple[object, ...]]:
    return [
        (
            step["stage"],
            step["unit"],
            f"{sum(step['came'].values()):,}",
            f"{sum(step['left'].values()):,}",
            ", ".join(f"{why} {n:,}" for why, n in step["dropped"].items()) or "none",
        )
        for step in facts["funnel"]
    ]


def _seeds(facts: Mapping[str, Any]) -> str:
    """Which split the problems began from, in so many words."""
    sources = facts["recipe"]["seed"]["sources"]
    told = []
    for source in sources:
        split = source["split"]
        where = (
            f"its split `{_escape(split)}`" if split else "all of its rows, whatever their split"
        )
        ours = "written for omi2, part of no published set"
        told.append(f"{_escape(source['name'])}: {ours if source['package'] else where}")
    return "; ".join(told)


def _rules(facts: Mapping[str, Any]) -> str:
    """The rules of decontamination with the recipe's thresholds; nothing where it did not run."""
    if not facts["decontamination"]["ran"]:
        return ""
    rules = facts["recipe"]["decontaminate"]
    return (
        f"Rules: *exact*, the same words in the same order; *near_dup*, more than "
        f"{rules['overlap']:.0%} of the item's words lie in {rules['ngram']}-word runs shared with "
        f"the problem, or more than {rules['masked_overlap']:.0%} when numbers are masked, and the "
        "problem has the item's numbers; *number_change*, the same with other numbers; *rephrase*, "
        "the item told in other words, by a scorer over rare words and numbers that is "
        f"{rules['rephrase']} at the threshold. A score of 1 is all of the item."
    )


def _table(head: Sequence[str], body: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(_escape(cell) for cell in line) + " |" for line in lines)


def _escape(cell: object) -> str:
    """Text that cannot break out of a table cell or become HTML."""
    text = re.sub(r"[\x00-\x1f\x7f]+", " ", str(cell))
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")


def _fill(template: str, **values: object) -> str:
    text = (CARDS / template).read_text(encoding="utf-8")
    return Template(text).substitute({name: str(value) for name, value in values.items()})
