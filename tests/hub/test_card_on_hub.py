"""The card that `omi2 build` writes, on a Hub: its pinned snippet runs, its YAML is valid there."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from made import replay_file
from omi2_hub import card, notices
from omi2_hub.manifest import read_manifest
from test_build import make, replay_recipe

from . import hub_yaml
from .conftest import Said

CLIENT = "from huggingface_hub import DatasetCard\n"
VALID = """
for card in DatasetCard.load({path!r}), DatasetCard.load({repo!r}):
    card.validate()
    print(card.data.to_dict().get("version"))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release, as `omi2 build` writes it."""
    folder = tmp_path_factory.mktemp("built")
    make(replay_recipe(replay_file(folder / "made.parquet")), folder)
    return folder / "omi2"


def test_the_snippet_that_pins_a_version_runs_and_the_yaml_is_valid(
    run: Callable[..., Said], python: Callable[[str], Said], repo: str, built: Path
) -> None:
    said = run("card", built, "--check")
    assert said.code == 0, said.out + said.err
    said = run("push", built, "--repo", repo, "--version", "v1.0.0", "--index-only-ok", "-y")
    assert said.code == 0, said.err
    found = re.findall(r"```python\n(.*?)```", (built / "README.md").read_text(), re.DOTALL)
    pinned = [script for script in found if "ORG/omi2" in script]
    assert len(pinned) == 1
    said = python(pinned[0].replace("ORG/omi2", repo).replace("vX.Y.Z", "v1.0.0"))
    assert said.code == 0, said.err
    assert re.fullmatch(r"[0-9a-f]{32}\n", said.out)
    said = python(CLIENT + VALID.format(path=str(built / "README.md"), repo=repo))
    assert said.code == 0, said.err
    assert said.out.split() == ["None", "v1.0.0"]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("license: cc-by-4.0", "license: free", "license"),
        ("n<1K", "a few", "size_categories"),
        ("- question-answering", "- thinking", "task_categories"),
    ],
)
def test_a_card_that_the_hub_refuses(
    python: Callable[[str], Said], built: Path, before: str, after: str, says: str
) -> None:
    text = (built / "README.md").read_text()
    assert before in text
    said = python(f"{CLIENT}DatasetCard({text.replace(before, after, 1)!r}).validate()")
    assert said.code != 0
    assert says in said.err


def test_a_card_with_a_version_of_its_own(built: Path) -> None:
    text = (built / "README.md").read_text()
    manifest = read_manifest((built / "manifest.json").read_bytes(), "manifest.json")
    assert card.problems(text, manifest) == []
    odd = text.replace("license:", "version: v1.0.0\nlicense:", 1)
    assert "a version: of its own" in "".join(card.problems(odd, manifest))
    assert hub_yaml.errors(notices.with_version(text.encode(), "v1.0.0").decode()) == ([], [])
    twice = notices.with_version(odd.encode(), "v1.0.0").decode()
    assert "duplicated mapping key version" in hub_yaml.errors(twice)[0][0]
