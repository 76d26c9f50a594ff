"""An embedding model on the Hub: by a pinned revision, over real HTTP."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

import tiny_model
from omi2.overlap import models

from .conftest import Said
from .local_hub import Hub

pytestmark = pytest.mark.skipif(
    not all(map(importlib.util.find_spec, models.PACKAGES)),
    reason="needs the extra embed",
)

FIND = """
from omi2.overlap import models
print(models.find({spec!r}).id)
"""


def test_a_model_is_fetched_at_its_revision(
    python: Callable[[str], Said], hub: Hub, repo: str, tmp_path: Path
) -> None:
    folder = tiny_model.write(tmp_path / "model")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle that nobody fetches")
    said = python(
        "from huggingface_hub import HfApi\n"
        f"HfApi().create_repo({repo!r})\n"
        f"print(HfApi().upload_folder(repo_id={repo!r}, folder_path={str(folder)!r}).oid)\n"
    )
    assert said.code == 0, said.err
    revision = said.out.split()[-1]
    begun = len(hub.log)
    found = python(FIND.format(spec=f"{repo}@{revision}"))
    assert found.code == 0, found.err
    assert found.out.startswith(f"{repo.partition('/')[2]}@")
    asked = " ".join(hub.requests()[begun:])
    assert f"resolve/{revision}/model.safetensors" in asked
    assert "pytorch_model.bin" not in asked
    gone = python(FIND.format(spec=f"{repo}@{'0' * 40}"))
    assert gone.code != 0
    assert "cannot be fetched" in gone.out + gone.err
    assert "name a local folder" in gone.out + gone.err
