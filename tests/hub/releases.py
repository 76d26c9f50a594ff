"""Writes release directories of any size from made rows, as `omi2 build` writes them.

Real Parquet with the schema of omi2.rows, content-defined chunks and page indexes; the manifest is
written last. `rows_of` makes rows whose ids are the real content hashes; the same arguments give
the same bytes.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from omi2 import rows

SPLITS = {"train_1M": 1, "train_2M": 2, "train_5M": 3}
"""How many tiers each size holds, as far as there are any."""


STANDARD = {"gsm8k/test": 1319, "math/test": 5000, "amc23/test": 40, "aime24/test": 30}
"""The benchmarks that every release is compared with, and their items."""


def rows_of(count: int, *, seed: str = "a", words: int = 12) -> list[dict[str, Any]]:
    """`count` rows, several a problem, of two sources."""
    made = []
    for at in range(count):
        problem = (
            f"Problem {seed}{at // 3}: add {at // 3} and 7. {_filler(seed, at // 3, words // 3)}"
        )
        solution = (
            f"Take {at}. {_filler(seed, at, words)} So the answer is \\boxed{{{at // 3 + 7}}}."
        )
        made.append(
            {
                "problem": problem,
                "generated_solution": solution,
                "expected_answer": str(at // 3 + 7),
                "problem_source": "omi2_word" if at % 5 else "augmented_omi2_word",
                "row_id": rows.row_id(problem, solution),
                "problem_id": rows.problem_id(problem),
                "seed_id": rows.problem_id(problem),
                "teacher": "made",
                "prompt": "solve-demo",
                "temperature": 0.7,
                "top_p": 0.95,
                "seed": at,
                "votes": 3,
                "votes_total": 4,
                "answer_type": "integer",
                "solution_tokens": len(solution) // 4,
                "grader": "omi2@1",
                "overlap": {"score": 0.125, "benchmark": "gsm8k/test", "item": "17"},
            }
        )
    return made


def _filler(seed: str, at: int, words: int) -> str:
    """Text that does not compress away: hex words from a hash."""
    text = ""
    step = 0
    while len(text) < words * 9:
        text += hashlib.sha256(f"{seed}/{at}/{step}".encode()).hexdigest()
        step += 1
    return " ".join(text[i : i + 8] for i in range(0, words * 9, 8))[: words * 9]


def write(root: Path, made: list[dict[str, Any]], *, tiers: int = 2, **changes: Any) -> Path:
    """Write a release; `changes` replace keys of the manifest (`decontamination` is merged)."""
    (root / "data").mkdir(parents=True, exist_ok=True)
    for old in (root / "data").iterdir():
        old.unlink()
    ordered = sorted(made, key=lambda row: rows.order("place", row["row_id"]))
    data: dict[str, int] = {}
    for tier in range(tiers):
        part = ordered[len(ordered) * tier // tiers : len(ordered) * (tier + 1) // tiers]
        part = sorted(part, key=lambda row: rows.order("shuffle", row["row_id"]))
        path = f"data/tier{tier}-00000-of-00001.parquet"
        pq.write_table(
            pa.Table.from_pylist(part, rows.ROWS),
            root / path,
            compression="zstd",
            use_content_defined_chunking=True,
            write_page_index=True,
        )
        data[path] = len(part)
    sources: dict[str, dict[str, int]] = {}
    for row in made:
        sources.setdefault(row["problem_source"], {"problems": 0, "rows": 0})["rows"] += 1
    for name, entry in sources.items():
        entry["problems"] = len({r["problem_id"] for r in made if r["problem_source"] == name})
    return finish(root, data, sources, **changes)


def finish(
    root: Path, data: dict[str, int], sources: dict[str, dict[str, int]], **changes: Any
) -> Path:
    """Write card, reports and manifest around data files that lie there (path -> rows)."""
    names, total = sorted(data), sum(data.values())
    splits = {"train": {"rows": total, "files": names}}
    for name, held in SPLITS.items():
        files = [p for p in names if int(p[len("data/tier") : p.index("-")]) < held]
        splits[name] = {"rows": sum(data[p] for p in files), "files": files}
    (root / "README.md").write_text(card(splits))
    (root / "reports").mkdir(exist_ok=True)
    (root / "reports" / "contamination.md").write_text("# Contamination\n\nNothing was found.\n")
    funnel = [{"stage": "split", "rows": total}]
    (root / "reports" / "funnel.json").write_text(json.dumps(funnel))
    manifest: dict[str, Any] = {
        "omi2": "release",
        "format": 1,
        "name": "demo",
        "rows": total,
        "schema": [[column.name, str(column.type)] for column in rows.ROWS],
        "files": {},
        "splits": splits,
        "sources": sources,
        "decontamination": {
            "ran": True,
            "strict": True,
            "texts": True,
            "layers": ["exact", "ngram", "masked"],
            "benchmarks": [
                {"name": name, "items": items, "texts": True, "with_texts": items}
                for name, items in STANDARD.items()
            ],
            "standard": {n: {"items": i, "with_texts": i} for n, i in STANDARD.items()},
            "verdicts": {"clean": total, "contaminated": 0, "unknown": 0},
            "released_unknown": 0,
        },
        "funnel": funnel,
        "recipe": {},
        "grader": "omi2@1",
        "versions": {},
        "licence": "cc-by-4.0",
    }
    manifest["decontamination"] |= changes.pop("decontamination", {})
    manifest |= changes
    seal(root, manifest, data)
    return root


def seal(root: Path, manifest: dict[str, Any], data: dict[str, int] | None = None) -> None:
    """Write manifest.json with the files as they are now."""
    if data is None:
        data = {p: f["rows"] for p, f in manifest["files"].items() if "rows" in f}
    files = {}
    for path in sorted(p for p in root.rglob("*") if p.is_file() and p.name != "manifest.json"):
        name, text = path.relative_to(root).as_posix(), path.read_bytes()
        files[name] = {"bytes": len(text), "sha256": hashlib.sha256(text).hexdigest()}
        if name in data:
            files[name]["rows"] = data[name]
    manifest["files"] = files
    (root / "manifest.json").write_text(json.dumps(manifest, indent=1))


def manifest_of(root: Path) -> dict[str, Any]:
    """The manifest as it lies there."""
    found: dict[str, Any] = json.loads((root / "manifest.json").read_text())
    return found


def card(splits: dict[str, Any], **extra: Any) -> str:
    """A dataset card: config default with every split and the features, and one config a size.

    Real cards give features for every config; the client library parses them anew for each, slowly.
    """
    default = [{"split": name, "path": split["files"]} for name, split in splits.items()]
    configs = [{"config_name": "default", "data_files": default}]
    info = [_info("default", {name: split["rows"] for name, split in splits.items()})]
    info[0]["features"] = [_feature(f) for f in rows.ROWS]
    for name in SPLITS:
        size = name.removeprefix("train_")
        files = {"split": "train", "path": splits[name]["files"]}
        configs.append({"config_name": size, "data_files": [files]})
        info.append(_info(size, {"train": splits[name]["rows"]}))
    meta = {"license": "cc-by-4.0", "configs": configs, "dataset_info": info, **extra}
    return f"---\n{yaml.safe_dump(meta, sort_keys=False)}---\n\n# demo\n\nMade rows for tests.\n"


def _info(config: str, counts: dict[str, int]) -> dict[str, Any]:
    splits = [
        {"name": name, "num_bytes": 1000 * count, "num_examples": count}
        for name, count in counts.items()
    ]
    size = sum(split["num_bytes"] for split in splits)
    return {
        "config_name": config,
        "splits": splits,
        "download_size": size,
        "dataset_size": size,
    }


def _feature(field: pa.Field) -> dict[str, Any]:
    if pa.types.is_struct(field.type):
        return {"name": field.name, "struct": [_feature(inner) for inner in field.type]}
    return {"name": field.name, "dtype": {"float": "float32"}.get(str(field.type), str(field.type))}
