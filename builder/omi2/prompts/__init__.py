"""Few-shot sets, each a TOML file with an id and a licence, and the raw prompt made from one.

A prompt is raw text to be completed, without chat tokens: with the chat template 57% of the
original teacher's outputs fell back to its own layout, with raw text 0.1% (paper, section 3.1).
It is `instruction`, then the examples, then the query, joined by `separator`, which is also the
stop string.

A shot may have a `subject`. Then a problem of that subject is shown the shots of its own, and any
other problem the first shot of each subject; the set's id says which. `check` in a shot is how its
answer is computed, for the tests.
"""

import functools
import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from omi2.errors import UsageError

_KEYS = {"id", "task", "licence", "separator", "example", "query", "stop", "instruction", "shots"}


@dataclass(frozen=True)
class FewShot:
    """A few-shot set; `render` makes the prompt for a problem."""

    id: str
    task: str
    separator: str
    query: str
    stop: tuple[str, ...]
    prefix: str
    """Everything before the query, the same for every problem, so that a server can cache it."""
    problems: tuple[str, ...]
    """The problems it shows, and those it shows being written: no output may repeat one."""

    def render(self, problem: str) -> str:
        """The prompt that asks about this problem."""
        return self.ask(problem=problem)

    def ask(self, **texts: str) -> str:
        """The prompt of a query that has several texts, by their names in it."""
        plain = {name: re.sub(r"\n{3,}", "\n\n", text.strip()) for name, text in texts.items()}
        return self.prefix + _fill(self.query, plain)  # no text may hold the separator


@functools.cache
def load(name_or_path: str, task: str, subject: str | None = None) -> FewShot:
    """A few-shot set by name, or from a file, for problems of a subject. Raises UsageError."""
    packaged = files("omi2") / "prompts" / f"{name_or_path}.toml"
    if "/" not in name_or_path and packaged.is_file():
        text = packaged.read_text(encoding="utf-8")
    elif name_or_path and Path(name_or_path).is_file():
        text = Path(name_or_path).read_text(encoding="utf-8")
    else:
        known = sorted(
            p.name[:-5] for p in (files("omi2") / "prompts").iterdir() if p.name.endswith(".toml")
        )
        raise UsageError(
            f"no few-shot set {name_or_path!r}: neither a file nor one of {', '.join(known)}"
        )
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"few-shot set {name_or_path} is not valid TOML: {error}") from None
    if wrong := sorted(_KEYS.symmetric_difference(table)):
        raise UsageError(
            f"few-shot set {name_or_path}: {wrong[0]!r} is missing or not known; "
            f"it has {', '.join(sorted(_KEYS))}"
        )
    if table["task"] != task:
        raise UsageError(f"few-shot set {name_or_path} is for {table['task']!r}, not for {task!r}")
    name, shots = _chosen(table, subject or "")
    examples = [_fill(table["example"], shot) for shot in shots]
    blocks = [table["instruction"].strip(), *examples] if table["instruction"] else examples
    shown = (shot.get(key) for shot in shots for key in ("problem", "new_problem"))
    return FewShot(
        id=name,
        task=task,
        separator=table["separator"],
        query=table["query"],
        stop=tuple(table["stop"]),
        prefix="".join(block + table["separator"] for block in blocks),
        problems=tuple(text for text in shown if text),
    )


def _chosen(table: dict[str, Any], subject: str) -> tuple[str, list[dict[str, str]]]:
    """The id and the shots of a set for problems of this subject."""
    shots: list[dict[str, str]] = table["shots"]
    subjects = dict.fromkeys(shot["subject"] for shot in shots if "subject" in shot)
    if not subjects:
        return table["id"], shots
    wanted = re.sub(r"[^a-z]+", "_", subject.lower().replace("&", "and"))
    if wanted in subjects:
        own = [shot for shot in shots if shot.get("subject") == wanted]
        return f"{table['id']}/{wanted}", own
    firsts = [next(s for s in shots if s.get("subject") == name) for name in subjects]
    return f"{table['id']}/mixed", firsts


def _fill(template: str, shot: dict[str, str]) -> str:
    """A template with its {names} replaced, once each: LaTeX braces in a shot stay as they are."""
    pieces = template.split("{")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        name, mark, rest = piece.partition("}")
        filled.append(shot[name].strip() + rest if mark and name in shot else "{" + piece)
    return "".join(filled)
