"""How long an endpoint's queue is, in the words of each server that tells it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from omi2.recipe import Teacher
from omi2.teachers import Job, Request, embedded, generate, meet
from omi2.teachers.endpoints import endpoint
from omi2.teachers.member import Wire
from servers import Slow, serve, without_waiting

VLLM = """# HELP vllm:num_requests_waiting Number of requests waiting to be processed.
# TYPE vllm:num_requests_waiting gauge
vllm:num_requests_running{engine="0",model_name="m"} 256.0
vllm:num_requests_waiting{engine="0",model_name="m"} 12.0
vllm:num_requests_waiting{engine="1",model_name="m"} 5.0
vllm:num_requests_waiting_by_reason{engine="0"} 99.0
"""
SGLANG = 'sglang:num_running_reqs{model_name="m"} 7.0\nsglang:num_queue_reqs{model_name="m"} 31.0\n'
LLAMA = "llamacpp:requests_processing 1\nllamacpp:requests_deferred 3\n"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    without_waiting(monkeypatch)


def waiting(url: str, kind: str = "openai") -> int | None:
    async def look() -> int | None:
        wire = Wire(endpoint(f"{kind}:{url}", Teacher()), 10.0)
        async with wire.link:
            return await wire.waiting()

    return asyncio.run(look())


@pytest.mark.parametrize(
    ("metrics", "wanted"),
    [(VLLM, 17), (SGLANG, 31), (LLAMA, 3), ("process_cpu_seconds_total 5\n", None),
     ("vllm:num_requests_waiting 1e3\n", 1000), ("\x00\xff", None),
     ("vllm:num_requests_waiting +Inf\n", None), ("vllm:num_requests_waiting 1.2.3\n", None),
     ("vllm:num_requests_waiting 1e999\n", 0)],
)  # fmt: skip
def test_each_server_tells_it_in_its_own_words(metrics: str, wanted: int | None) -> None:
    with serve("openai", lambda *_: "") as server:
        server.metrics = metrics
        assert waiting(server.url) == wanted
        assert waiting(server.url, "chat") == wanted


def test_the_real_llama_cpp_tells_it() -> None:
    with embedded.serve("") as url:
        assert waiting(url) == 0


def test_an_endpoint_where_requests_wait_is_asked_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of eight slots that queues whatever comes, and says so at /metrics."""
    monkeypatch.setattr(meet, "QUEUE_EVERY", 0.05)
    most = 0

    def behave(prompt: str, times: int) -> Any:
        nonlocal most
        server.metrics = f"vllm:num_requests_waiting {max(server.at_once - 8, 0)}\n"
        most = max(most, server.at_once)
        return Slow(0.02 * max(1.0, server.at_once / 8), "fine")

    jobs = (Job(0, n, Request(f"prompt {n}", 1.0, 0.9, 64, (), n)) for n in range(1500))
    with serve("openai", behave, room=1000) as server:
        server.metrics = "vllm:num_requests_waiting 0\n"
        teacher = Teacher(endpoints=(f"openai:{server.url}",), concurrency=400)
        at_end = []
        for job, said in generate(jobs, teacher, lambda part: tmp_path / "l"):
            assert said.text == "fine"
            if job.handle > 1000:
                at_end.append(server.at_once)
    middle = sorted(at_end)[len(at_end) // 2]
    assert middle < 40, (middle, most)
