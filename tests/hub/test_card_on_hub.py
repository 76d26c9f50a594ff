"""The card that `omi2 build` writes, on a Hub: its pinned snippet runs, and the gates like it."""

import re
from collections.abc import Callable
from pathlib import Path

from made import replay_file
from test_build import make, replay_recipe

from .conftest import Said


def test_the_snippet_that_pins_a_version_runs(
    run: Callable[..., Said], python: Callable[[str], Said], repo: str, tmp_path: Path
) -> None:
    make(replay_recipe(replay_file(tmp_path / "made.parquet")), tmp_path / "built")
    release = tmp_path / "built" / "omi2"
    said = run("card", release, "--check")
    assert said.code == 0, said.out + said.err
    said = run("push", release, "--repo", repo, "--version", "v1.0.0", "--index-only-ok", "-y")
    assert said.code == 0, said.err
    found = re.findall(r"```python\n(.*?)```", (release / "README.md").read_text(), re.DOTALL)
    pinned = [script for script in found if "ORG/omi2" in script]
    assert len(pinned) == 1
    said = python(pinned[0].replace("ORG/omi2", repo).replace("vX.Y.Z", "v1.0.0"))
    assert said.code == 0, said.err
    assert re.fullmatch(r"[0-9a-f]{32}\n", said.out)
