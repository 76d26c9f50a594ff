"""omi2_hub/README.md cannot go stale, and the package keeps the house's rules.

`python -m hub.test_docs` in tests/ writes the help texts into the README anew; transcript.py does
the same for the transcript.
"""

import ast
import re
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from .transcript import BLOCK, README, ROOT, masked, play

PACKAGE = ROOT / "omi2_hub"
HELP = re.compile(r"<!-- help: omi2-hub (?P<command>[\w-]+) -->\n(?:```\n.*?```\n)?", re.DOTALL)
MODULES = sorted(PACKAGE.glob("*.py"))
HEAVY = {"datasets", "huggingface_hub", "httpx2", "pyarrow", "polars", "numpy", "yaml", "omi2"}
SPEAK = {"console", "cli", "__main__"}


def generated(text: str) -> str:
    from omi2_hub.cli import cli

    def block(found: re.Match[str]) -> str:
        name = found["command"]
        context = click.Context(
            cli.commands[name],
            info_name=f"omi2-hub {name}",
            terminal_width=100,
            **cli.context_settings,
        )
        first = found[0].splitlines()[0]
        return f"{first}\n```\n{cli.commands[name].get_help(context)}\n```\n"

    return HELP.sub(block, text)


def test_help_texts_in_the_readme_are_up_to_date() -> None:
    text = README.read_text()
    assert generated(text) == text, "run: cd tests && python -m hub.test_docs"


def test_every_command_is_documented_and_has_help() -> None:
    from omi2_hub.cli import cli

    told = {found["command"] for found in HELP.finditer(README.read_text())}
    assert told == set(cli.commands)
    for name, command in cli.commands.items():
        assert command.help
        for option in command.params:
            assert not isinstance(option, click.Option) or option.help, f"{name} {option.opts}"


def test_the_transcript_is_what_happens() -> None:
    found = BLOCK.search(README.read_text())
    assert found
    told = found[0].partition("```console\n")[2].removesuffix("```\n")
    assert masked(told) == masked(play()), "run: python tests/hub/transcript.py"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_only_the_command_line_prints_or_exits(path: Path) -> None:
    calls = [n.func for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
    names = {f.id for f in calls if isinstance(f, ast.Name)}
    names |= {f"{f.value.id}.{f.attr}" for f in calls if _is_dotted(f)}
    speaks = names & {"print", "input", "exit", "click.echo", "sys.exit"}
    assert not speaks or path.stem in SPEAK


def _is_dotted(call: ast.expr) -> bool:
    return isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_heavy_imports_are_inside_functions_and_little_is_taken_of_omi2(path: Path) -> None:
    tree = ast.parse(path.read_text())
    top = {name.split(".")[0] for node in tree.body for name in _imported(node)}
    assert not top & HEAVY
    everything = {name for node in ast.walk(tree) for name in _imported(node)}
    assert {n for n in everything if n.split(".")[0] == "omi2"} <= {
        "omi2",
        "omi2.rows",
        "omi2.card.markdown",
        "omi2.overlap.benchmarks",
    }


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module == "omi2":
        return [f"omi2.{alias.name}" for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_nothing_swallows_or_evaluates(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler) and n.type is None]
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    assert not names & {"eval", "exec", "pickle"}


def test_help_answers_at_once() -> None:
    took = []
    for _ in range(3):
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "omi2_hub", "--help"],
            capture_output=True,
            text=True,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'builder'}"},
        )
        took.append(time.monotonic() - started)
        assert done.returncode == 0
    assert min(took) < 0.5


def test_modules_are_short() -> None:
    assert not {p.name: n for p in MODULES if (n := len(p.read_text().splitlines())) > 320}


if __name__ == "__main__":
    README.write_text(generated(README.read_text()))
