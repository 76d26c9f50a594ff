"""The examples in the docstrings say what happens."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

from omi2 import answers


@pytest.mark.parametrize("name", ["omi2.answers", "omi2.answers.normalise"])
def test_examples(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0
    assert found.failed == 0


def test_the_page_for_newcomers_names_every_module() -> None:
    folder = Path(answers.__file__).parent
    modules = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    page = set(re.findall(r"[a-z]+", (answers.__doc__ or "").lower()))
    assert modules - page == set()


def test_the_example_of_classes() -> None:
    finder, runner = doctest.DocTestFinder(), doctest.DocTestRunner()
    from omi2.answers import classes

    for example in finder.find(classes, "classes", globs={"classes": classes}):
        runner.run(example)
    assert runner.summarize(verbose=False) == (0, 1)
