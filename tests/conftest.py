"""Fixtures that several test files share. The environment is scrubbed: no token, no real cache."""

from pathlib import Path

import hypothesis
import pytest

hypothesis.settings.register_profile("omi2", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("omi2")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def shared_data() -> Path:
    """The real data beside the checkout; the test is skipped where there is none."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip("needs ../shared/data")
    return path


@pytest.fixture(autouse=True)
def _scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_TOKEN", "OMI2_API_KEY", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
