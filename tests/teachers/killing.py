"""A run that is killed again and again: shared by the tests and the bench.

    python killing.py URL FOLDER COUNT     asks for COUNT samples and writes what it got

`survive` starts that program against a server with faults, kills it with SIGKILL at random moments
(also while it starts), starts it again, and at last lets it end. Then it counts: in the ledgers and
in what the last run got, every sample exactly once; and how many good answers were thrown away.
"""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AT_ONCE, PARTS = 16, 10


def jobs(count: int) -> Iterator[Any]:
    from omi2.teachers import Job, Request

    for n in range(count):
        request = Request(f"prompt {n}", 1.0, 0.9, 64, ("STOP",), n + 1)
        yield Job(n * PARTS // count, n, request)


def text_of(prompt: str) -> str:
    return f"the answer to {prompt} is \\boxed{{{len(prompt)}}} " * 5


def child(url: str, folder: Path, count: int) -> None:
    """The program that is killed."""
    from omi2.recipe import Teacher
    from omi2.teachers import crew, generate, member

    member.FIRST_PAUSE, member.LONGEST_PAUSE, crew.SYNC_SECONDS = 0.005, 0.05, 0.1
    teacher = Teacher(endpoints=(f"tgi:{url}",), concurrency=AT_ONCE, retries=8, timeout_s=20.0)
    got: Counter[int] = Counter()
    wrong = 0
    for job, said in generate(jobs(count), teacher, lambda part: folder / f"part-{part}"):
        got[job.handle] += 1
        wrong += said.text != text_of(job.request.prompt)
    once = sum(n == 1 for n in got.values())
    (folder / "done.json").write_text(json.dumps({"once": once, "wrong": wrong, "all": len(got)}))


def faulty(good: Counter[str]) -> Any:
    """What the server does: a tenth of the first tries fail, each in its own way."""
    from servers import Cut, dumped, tgi_answer

    half = dumped(tgi_answer("x" * 50))[:-30]
    failed = {
        0: (500, {"error": "Incomplete generation", "error_type": "incomplete_generation"}),
        1: (424, {"error": "Request failed during generation", "error_type": "generation"}),
        2: (429, {"error": "Model is overloaded", "error_type": "overloaded"}),
        3: (200, half),
        4: (200, "<html>Bad Gateway</html>"),
        5: Cut(),
        6: Cut(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"),
        7: (200, b'{"generated_text": "\xff\xfe'),
    }

    def behave(prompt: str, times: int) -> Any:
        kind = sum(map(ord, prompt)) * 7919 % 80
        if times == 1 and kind in failed:
            return failed[kind]
        good[prompt] += 1
        return text_of(prompt)

    return behave


def survive(folder: Path, count: int, kills: int, seed: int) -> dict[str, Any]:
    """Kill, resume, count."""
    from servers import serve

    chance = random.Random(seed)
    good: Counter[str] = Counter()
    with serve("tgi", faulty(good)) as server:
        command = [sys.executable, __file__, server.url, str(folder), str(count)]
        done = 0
        while done < kills:
            process = subprocess.Popen(command, start_new_session=True)
            wanted = len(server.asked) + chance.randrange(
                max(2 * count // (kills + 1) * 9 // 10, 2)
            )
            began, patience = time.monotonic(), chance.choice([0.3, 30.0])
            while (
                process.poll() is None
                and len(server.asked) < wanted
                and time.monotonic() - began < patience
            ):
                time.sleep(0.002)
            time.sleep(chance.random() * 0.02)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                done += 1
            process.wait()
            if (folder / "done.json").exists():
                break  # it was through before it could be killed
        subprocess.run(command, check=True, timeout=300)
        asked = len(server.asked)
        subprocess.run(command, check=True, timeout=300)
        asked_when_done = len(server.asked) - asked
    told = json.loads((folder / "done.json").read_text())
    lines: Counter[str] = Counter()
    for ledger in folder.glob("part-*"):
        lines.update(json.loads(line.partition(b" ")[2])["key"]
                     for line in ledger.read_bytes().splitlines())  # fmt: skip
    return {
        "samples": count,
        "kills": done,
        "wrong": count - told["once"] + told["wrong"] + sum(n - 1 for n in lines.values())
        + abs(count - len(lines)) + asked_when_done,
        "again": sum(good.values()) - count,
        "again_per_kill": (sum(good.values()) - count) / max(done, 1),
        "window": AT_ONCE,
    }  # fmt: skip


if __name__ == "__main__":
    child(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
