"""What a stage's result depends on, as one hash: its settings, its code, and what it reads.

The code version of a stage is a hash of its module and of every omi2 module that it imports,
directly or not, found by reading their source; editing a rule redoes the stages that use it and no
other. Files named in a recipe count by their content, endpoints by the model behind them (see
`teachers.identity`): moving a file or a server changes nothing, another model does. Speed settings
(workers, concurrency, choices, retries) do not count.
"""

import functools
import hashlib
import json
import re
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omi2.errors import UsageError
from omi2.files import known_sha256, sha256
from omi2.overlap import embed
from omi2.overlap.judged import pool
from omi2.prompts import load
from omi2.recipe import Recipe, Source, as_table
from omi2.run import Run
from omi2.teachers import embedded, identity, replay
from omi2.teachers import endpoints as roster

ASKS_TEACHER = ("augment", "solve")
"""The stages that depend on the teacher; every other one reads its own section alone."""
LIBRARIES = {
    "decontaminate": ("datasketch", "numpy"),
    "grade": ("math-verify", "sympy", "latex2sympy2_extended"),
    "filter": ("polars", "polars-hash"),
    "split": ("pyarrow", "polars", "polars-hash"),
}
"""Libraries whose version may change what a stage writes."""
DATA = {
    "decontaminate": (
        "overlap/frequencies.npz", "overlap/rephrase.toml", "overlap/embed.toml",
        "overlap/benchmarks.toml", "overlap/calibration.toml",
    )
}  # fmt: skip
"""Packaged figures that decide what a stage writes, like its code."""


def fingerprint(stage: str, recipe: Recipe, run: Run, before: tuple[str, ...]) -> str:
    """The hash for a stage, given the stages before it, which are complete."""
    return _hash(_told(stage, recipe, run, before))


def made_from(stage: str, recipe: Recipe, run: Run, before: tuple[str, ...]) -> dict[str, str]:
    """What goes into the fingerprint, each thing as a hash: so that two runs can be compared."""
    return {name: _hash(value) for name, value in _told(stage, recipe, run, before).items()}


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _told(stage: str, recipe: Recipe, run: Run, before: tuple[str, ...]) -> dict[str, Any]:
    section = getattr(recipe, stage)
    told: dict[str, Any] = {
        "stage": stage,
        "parts": recipe.parts,
        "settings": as_table(section),
        "files": _files(section),
        "code": code_version(f"omi2.stages.{stage}"),
        "data": {name: _sha256(Path(__file__).parent / name) for name in DATA.get(stage, ())},
        "libraries": {name: version(name) for name in LIBRARIES.get(stage, ())},
        "inputs": {name: sha256(run.stage(name) / "manifest.json") for name in before},
    }
    if stage in ASKS_TEACHER:
        told["teacher"] = _teacher(stage, recipe, run)
    if stage == "decontaminate":
        layer, why = embed.chosen(section)
        told["embeddings"] = layer.about if layer else why
    if stage == "decontaminate" and (judge := pool(section, recipe.teacher, recipe.judge)):
        who = identity.known(judge, run.ledger(stage, 0).parent)
        told["judge"] = {"models": list(who.models), "files": list(who.files)}
    return told


@functools.cache
def code_version(module: str) -> str:
    """A hash of the source of a module and of every omi2 module it needs."""
    seen: dict[str, str] = {}
    todo = [module]
    while todo:
        name = todo.pop()
        if name not in seen and (known := _source(name)):
            seen[name], needed = known
            todo += needed
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


@functools.cache
def _source(module: str) -> tuple[str, tuple[str, ...]] | None:
    """A hash of a module's source and the omi2 modules that it needs; None where it has none."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        return None
    source = Path(spec.origin).read_bytes()
    return hashlib.sha256(source).hexdigest(), tuple(sorted(imports(source.decode(), module)))


_IMPORT = re.compile(r"^[ \t]*import[ \t]+(omi2\b[\w.]*)", re.MULTILINE)
_FROM = re.compile(
    r"^[ \t]*from[ \t]+(omi2\b[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]*)", re.MULTILINE
)


def imports(source: str, module: str) -> set[str]:
    """The omi2 modules that a module's source imports, anywhere in it.

    By the look of its lines, a hundred times as fast as by parsing; an example in a docstring that
    looks like an import counts as one, which does no harm.
    """
    found = set(_IMPORT.findall(source))
    for package, names in _FROM.findall(source):
        bare = re.sub(r"#.*", "", names).strip("()")
        listed = (name.split(" as ")[0].strip() for name in bare.split(","))
        found |= {package, *(f"{package}.{name}" for name in listed)}
    return {name for name in found if _is_module(name)} - {module}


@functools.cache
def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def preflight(recipe: Recipe) -> None:
    """Look for everything that a recipe names, before days are spent on it. Raises UsageError.

    Files of seeds, benchmarks and indexes, few-shot sets, the lines of endpoints, a model's file.
    """
    for stage in ("seed", "augment", "decontaminate", "solve", "split"):
        section = getattr(recipe, stage)
        for _, name in getattr(getattr(section, "prompt", None), "values", ()):
            if name:
                load(name, stage)
        _files(section, look=_there)
    rules = recipe.decontaminate
    if rules.enabled:
        embed.chosen(rules)
    if (judge := pool(rules, recipe.teacher, recipe.judge)) is not None:
        load(rules.judge_prompt, "judge")
        roster.read(judge)
    file = replay.file_of(recipe.teacher)
    if file is not None:
        _there(file)
        return
    for endpoint in roster.read(recipe.teacher):
        if endpoint.kind == "embedded" and endpoint.url:
            embedded.model_file(endpoint.url)


def _files(section: Any, look: Callable[[Path], str] | None = None) -> dict[str, str]:
    """The content of every file and packaged text that a section names."""
    look = look or _sha256
    named: dict[str, str] = {}
    sources: tuple[Source, ...] = getattr(section, "sources", getattr(section, "benchmarks", ()))
    package = Path(__file__).parent
    for source in sources:
        if source.file:
            named[source.name] = look(Path(source.file))
        elif source.package:
            named[source.name] = look(package / "seeds" / f"{source.package}.toml")
    for name in getattr(section, "index", ()):
        named[name] = look(_packaged(package / "overlap" / f"{name}.npz", name))
    prompts = [name for _, name in getattr(getattr(section, "prompt", None), "values", ()) if name]
    if getattr(section, "judge", "off") != "off":
        prompts.append(section.judge_prompt)
    for name in prompts:
        named[name] = look(_packaged(package / "prompts" / f"{name}.toml", name))
    if match := getattr(section, "match", ""):
        named["match"] = look(Path(match) / "manifest.json")
    return named


def _packaged(path: Path, name: str) -> Path:
    return path if "/" not in name and path.is_file() else Path(name)


def _there(path: Path) -> str:
    if not path.is_file():
        raise UsageError(f"{path} does not exist, or is not a file")
    return ""


def _sha256(path: Path) -> str:
    _there(path)
    return known_sha256(path)


def _teacher(stage: str, recipe: Recipe, run: Run) -> dict[str, Any]:
    """Who the teacher is, wherever it stands; nobody where nothing is asked."""
    file = replay.file_of(recipe.teacher)
    if file is not None:
        return {"replay": _sha256(file)}
    if stage == "augment" and not any(count for _, count in recipe.augment.problems.values):
        return {}
    who = identity.known(recipe.teacher, run.ledger(stage, 0).parents[1])
    return {"models": list(who.models), "files": list(who.files)}
