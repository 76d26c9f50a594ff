"""The documentation cannot go stale: help texts are generated, commands and links exist.

`python tests/test_docs.py` writes the help texts into the READMEs anew.
"""

import re
import shlex
import sys
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[1]
READMES = [ROOT / "README.md", ROOT / "builder" / "omi2" / "README.md"]
BLOCK = re.compile(r"<!-- help: (?P<command>[\w -]+) -->\n(?:```\n.*?```\n)?", re.DOTALL)
DATA = ROOT / "builder" / "omi2" / "recipes"


def groups() -> dict[str, click.Group]:
    from omi2.cli import cli

    return {"omi2": cli}


def help_text(command: str) -> str:
    """What `COMMAND --help` prints, at a fixed width."""
    name, *rest = command.split()
    found: click.Command = groups()[name]
    settings = found.context_settings
    for word in rest:
        assert isinstance(found, click.Group)
        found = found.commands[word]
    context = click.Context(found, info_name=command, terminal_width=100, **settings)
    return found.get_help(context)


def generated(text: str) -> str:
    def block(found: re.Match[str]) -> str:
        return f"{found[0].splitlines()[0]}\n```\n{help_text(found['command'])}\n```\n"

    return BLOCK.sub(block, text)


@pytest.mark.parametrize("path", READMES, ids=lambda p: str(p.relative_to(ROOT)))
def test_help_texts_are_up_to_date(path: Path) -> None:
    text = path.read_text()
    assert generated(text) == text, "run: python tests/test_docs.py"


def test_every_command_is_documented_and_has_help() -> None:
    told = {m["command"] for path in READMES for m in BLOCK.finditer(path.read_text())}
    for name, group in groups().items():
        for word, command in group.commands.items():
            assert f"{name} {word}" in told
            assert command.help
            for option in command.params:
                if isinstance(option, click.Option):
                    assert option.help, f"{word} {option.opts}"


def code_lines() -> list[str]:
    """Every omi2 command line in a shell block of a README."""
    lines = []
    for path in READMES:
        for block in re.findall(r"```bash\n(.*?)```", path.read_text(), re.DOTALL):
            lines += [line for line in block.splitlines() if line.strip()]
    return [piece.strip() for line in lines for piece in line.split("&&")]


def test_the_readme_shows_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert "\npip install -e '.[demo]' && omi2 build demo\n" in text
    assert "\npip install -e '.[test]' && pytest\n" in text


@pytest.mark.parametrize("line", sorted({s for s in code_lines() if s.startswith("omi2 ")}))
def test_a_command_line_in_a_readme_parses(line: str) -> None:
    words = shlex.split(line, comments=True)
    name, word, *rest = words
    command = groups()[name].commands[word]
    context = command.make_context(word, rest, resilient_parsing=False)
    if word == "build" and context.params["recipe"] not in (None, "mine.toml"):
        assert (DATA / f"{context.params['recipe']}.toml").is_file()


@pytest.mark.parametrize("path", READMES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


if __name__ == "__main__":
    for readme in READMES:
        readme.write_text(generated(readme.read_text()))
    sys.stdout.write("Help texts written.\n")
