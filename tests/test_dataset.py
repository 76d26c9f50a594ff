"""The builder class: it loads, checks every shard, and never reads a stale cache."""

from pathlib import Path

import pytest

from made import replay_file
from omi2.dataset import Omi2
from omi2.errors import Omi2Error, UsageError
from test_build import make, replay_recipe


@pytest.fixture
def release(tmp_path: Path) -> Path:
    make(replay_recipe(replay_file(tmp_path / "made.parquet")), tmp_path)
    return tmp_path / "omi2"


def load(release: Path, cache: Path, size: str = "") -> dict[str, int]:
    builder = Omi2(release, size, cache_dir=str(cache))
    builder.download_and_prepare()
    return {name: len(data) for name, data in builder.as_dataset().items()}


def test_it_loads_every_split_and_one_size(release: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert load(release, cache) == dict.fromkeys(("train", "train_1M", "train_2M", "train_5M"), 24)
    assert load(release, cache, "1M") == {"train": 24}


def test_a_rebuilt_release_is_read_anew(release: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert load(release, cache, "1M") == {"train": 24}
    make(replay_recipe(replay_file(tmp_path / "made.parquet", problems=9)), tmp_path)
    assert load(release, cache, "1M") == {"train": 18}


def test_a_changed_shard_is_refused(release: Path, tmp_path: Path) -> None:
    shard = next((release / "data").iterdir())
    data = bytearray(shard.read_bytes())
    data[50] ^= 1
    shard.write_bytes(data)
    with pytest.raises(Omi2Error, match=r"tier0-00000-of-00001.parquet is not the file"):
        load(release, tmp_path / "cache")


def test_a_folder_without_a_release_or_size(release: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no omi2 release"):
        Omi2(tmp_path)
    with pytest.raises(UsageError, match="no size '7M': the release has 1M, 2M, 5M"):
        Omi2(release, "7M")
