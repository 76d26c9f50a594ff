"""Plays the transcript of omi2_hub/README.md against a local Hub, and writes it anew.

`python tests/hub/transcript.py` runs the commands below in processes of their own, as a person
would, and puts what they print between the marks in the README. test_docs.py plays it again and
compares, commits and dates aside.
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "builder"), str(ROOT)]

from hub import releases  # noqa: E402
from hub.conftest import environment  # noqa: E402
from hub.local_hub import WRITE, Hub  # noqa: E402

README = ROOT / "omi2_hub" / "README.md"
BLOCK = re.compile(r"(<!-- transcript -->\n)```console\n.*?```\n", re.DOTALL)
LOAD = """from datasets import load_dataset
for revision in ("v0.1.0", "v0.2.0", "main"):
    rows = load_dataset("acme/omi2", split="train", revision=revision, streaming=True)
    print(revision, sum(1 for _ in rows), "rows")
"""


def play() -> str:
    """The transcript, as Markdown prints it."""
    said: list[str] = []
    with tempfile.TemporaryDirectory() as name, Hub(Path(name) / "hub") as hub:
        folder = Path(name)
        env = {**environment(hub, folder / "home"), "HF_TOKEN": WRITE, "HF_HUB_DISABLE_XET": "1"}
        programs = folder / "bin"
        programs.mkdir()
        for program, module in (("omi2-hub", "-m omi2_hub"), ("python", "")):
            script = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {module} "$@"\n'
            (programs / program).write_text(script)
            (programs / program).chmod(0o755)
        env["PATH"] = f"{programs}{os.pathsep}{env['PATH']}"
        (folder / "load.py").write_text(LOAD)

        def shell(command: str) -> None:
            done = subprocess.run(
                ["sh", "-c", command],
                cwd=folder,
                env=env,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            said.append(f"$ {command}\n{done.stdout}")
            if done.returncode:
                said.append(f"(exit code {done.returncode})\n")

        rows = releases.rows_of(60)
        releases.write(folder / "omi2", rows)
        shell("omi2-hub push ./omi2 --repo acme/omi2 --version v0.1.0 -y")
        more = rows[3:] + releases.rows_of(12, seed="b")
        more[5] = {**more[5], "expected_answer": "11"}
        releases.write(folder / "omi2", more)
        shell("omi2-hub push ./omi2 --repo acme/omi2 --version v0.1.1 -y")
        shell("omi2-hub push ./omi2 --repo acme/omi2 --version v0.2.0 -y")
        shell("omi2-hub diff acme/omi2@v0.1.0 v0.2.0")
        shell('omi2-hub yank acme/omi2@v0.2.0 --reason "one answer is wrong" -y')
        shell("omi2-hub versions acme/omi2")
        shell("cat load.py")
        shell("python load.py")
    return "\n".join(said)


def masked(text: str) -> str:
    """The text without what differs each time: commits and dates."""
    text = re.sub(r"\b[0-9a-f]{12}\b(?=[;,\s])", "COMMIT", text)
    return re.sub(r"\b20\d\d-\d\d-\d\d\b", "DATE", text)


def main() -> None:
    text = README.read_text()
    README.write_text(BLOCK.sub(lambda found: f"{found[1]}```console\n{play()}```\n", text))


if __name__ == "__main__":
    main()
