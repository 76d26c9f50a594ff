"""Runs omi2-hub in a process of its own, with HF_ENDPOINT set to the local Hub, one command a line.

One process runs many commands, so that a sweep of hundreds does not import huggingface_hub and
datasets each time. It reads {"args": [...], "cwd": ..., "token": ...} and answers {"code", "out",
"err"}; `{"python": "..."}` runs lines of Python instead and answers what they print. The command
runs exactly as `omi2-hub` does, through `omi2_hub.cli.run`. The pauses between tries are cut.
"""

import contextlib
import io
import json
import os
import runpy
import sys
import tempfile
import traceback


def main() -> None:
    from omi2_hub import commits, remote, verify

    remote.PAUSES[:] = [0.02, 0.02]
    assert commits.PAUSES is remote.PAUSES is verify.PAUSES
    cut_client_pauses()
    for line in sys.stdin:
        asked = json.loads(line)
        os.chdir(asked["cwd"])
        os.environ.pop("HF_TOKEN", None)
        if asked.get("token"):
            os.environ["HF_TOKEN"] = asked["token"]
        from huggingface_hub import constants

        constants.HF_HUB_DISABLE_XET = not asked.get("xet")
        print(json.dumps(run(asked)), file=sys.__stdout__, flush=True)


def cut_client_pauses() -> None:
    """The client library waits 1, 2, 4, 8, 8 seconds between tries; the tests need not."""
    import time

    sleep = time.sleep
    time.sleep = lambda seconds: sleep(min(seconds, 0.02))


def run(asked: dict[str, object]) -> dict[str, object]:
    from omi2_hub.cli import run as command

    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            if "python" in asked:
                with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
                    script.write(str(asked["python"]))
                    script.flush()
                    runpy.run_path(script.name)
            else:
                sys.argv = ["omi2-hub", *map(str, asked["args"])]  # type: ignore[call-overload]
                code = command()
        except SystemExit as done:
            code = done.code
        except BaseException:
            traceback.print_exc()
            code = 99
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    main()
