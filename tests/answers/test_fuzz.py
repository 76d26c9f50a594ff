"""A fuzz that libFuzzer guides by coverage, through atheris (`pip install atheris`), marked slow.

`python tests/answers/test_fuzz.py -runs=100000 CORPUS` runs it by hand and keeps what it finds in
the folder CORPUS; `-max_len` and the other options are libFuzzer's. An input is two answers; what
is done with it is what `test_hostile.done` does.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

RUNS = 200_000
SEEDS = ("1\n2", "x+1\n1+x", r"\frac{1}{2}" + "\n0.5", "(1,2)\n1,2", "5 cm\n3:30 PM", "yes\nMay 5")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed: `pip install atheris` runs the fuzz that coverage guides",
)
def test_a_coverage_guided_fuzz(tmp_path: Path) -> None:
    for at, seed in enumerate(SEEDS):
        (tmp_path / f"seed{at}").write_text(seed)
    options = [f"-runs={RUNS}", "-max_len=200", "-timeout=10", "-rss_limit_mb=2048"]
    done = subprocess.run(
        [sys.executable, __file__, *options, f"-artifact_prefix={tmp_path}/", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def main() -> None:
    """Fuzz until libFuzzer says that it is enough."""
    import atheris  # type: ignore[import-not-found,unused-ignore]

    with atheris.instrument_imports(include=["omi2.answers"]):
        from test_hostile import done

    def one_input(data: bytes) -> None:
        a, _, b = data.decode("utf-8", "surrogateescape").partition("\n")
        done(a, b)

    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
