"""How busy the pool keeps its endpoints, and what it costs: the table of the issue.

    python tests/bench/teachers.py [--quick] [--json] [--only WHAT]

WHAT is throughput, fleet, memory, startup or kill. Peers run in the same minute, by turns, each in
a process of its own against one instant TGI-protocol server in another: a bare aiohttp loop (what
any client on this transport must do) and huggingface_hub's AsyncInferenceClient. Medians of turns;
a ratio is the median of the ratios within a turn. Samples are told by second of CPU, of all threads
of the client's process, which is what holds on a machine with other work, and by second of the
clock, where the pool, whose two threads wait for each other, suffers most from others.
The fleet is simulated in time that costs nothing: its loop jumps to the next event, and the pool's
own code runs in it, with latencies instead of sockets. Memory is measured with a wire that answers
at once in the same process, without sockets. A kill is SIGKILL to a process that asks a server with
faults; the process is run again until it is through.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "teachers"))

from omi2.recipe import Teacher
from omi2.teachers import Completion, Job, Request, crew, generate
from omi2.teachers.endpoints import Endpoint
from omi2.teachers.fleet import Fleet
from omi2.teachers.ledger import Ledger
from omi2.teachers.member import Item
from omi2.teachers.protocol import Passing, Said, Served

PROMPT = "Problem: how many? Solution: four. \n" * 40
TEXT = "We add the numbers and find that the answer is \\boxed{4}. " * 12
AT_ONCE = 64


def request(number: int) -> Request:
    return Request(f"{PROMPT}{number}", 0.7, 0.95, 512, ("\n\n\n", "Problem:"), number + 1)


# Throughput: an instant server, and three clients


class Instant(asyncio.Protocol):
    """An HTTP server that answers every POST at once with the same completion."""

    def connection_made(self, transport: Any) -> None:
        self.transport, self.data = transport, b""

    def data_received(self, data: bytes) -> None:
        self.data += data
        while (end := self.data.find(b"\r\n\r\n")) >= 0:
            head = self.data[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.data) < end + 4 + length:
                return
            self.data = self.data[end + 4 + length :]
            self.transport.write(INFO if head.startswith(b"get") else ANSWER)


def _http(value: Any) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-queue-time: 0\r\n" + (
        b"content-length: %d\r\n\r\n%s" % (len(body), body)
    )


DETAILS = {"finish_reason": "eos_token", "generated_tokens": 200, "seed": 1}
ANSWER = _http({"generated_text": TEXT, "details": {**DETAILS, "prefill": [], "tokens": []}})
INFO = _http({"model_id": "m", "model_sha": "s", "max_concurrent_requests": 512})


def serve_instantly() -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Instant, "127.0.0.1", 0)
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)

    asyncio.run(run())


class Watch:
    """Seconds since it was made: by the clock, and of CPU in all threads of this process."""

    def __init__(self) -> None:
        self.began = time.monotonic(), time.process_time()

    def rates(self, count: int) -> dict[str, float]:
        wall, cpu = time.monotonic() - self.began[0], time.process_time() - self.began[1]
        return {"wall": count / wall, "cpu": count / cpu}


def ask_with_pool(url: str, count: int) -> dict[str, float]:
    teacher = Teacher(endpoints=(f"tgi:{url}",), concurrency=AT_ONCE)
    with tempfile.TemporaryDirectory() as folder:
        jobs = (Job(0, n, request(n)) for n in range(count))
        watch = Watch()
        found = sum(1 for _ in generate(jobs, teacher, lambda part: Path(folder) / "l"))
        rates = watch.rates(count)
    assert found == count
    return rates


def ask_with_aiohttp(url: str, count: int) -> dict[str, float]:
    import aiohttp

    async def run() -> dict[str, float]:
        numbers = iter(range(count))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def work() -> None:
                for n in numbers:
                    r = request(n)
                    body = {"inputs": r.prompt, "parameters": {
                        "max_new_tokens": r.max_tokens, "stop": list(r.stop), "seed": r.seed,
                        "details": True, "return_full_text": False, "do_sample": True,
                        "temperature": r.temperature, "top_p": r.top_p}}  # fmt: skip
                    async with session.post(f"{url}/generate", json=body) as response:
                        assert (await response.json())["generated_text"] == TEXT

            watch = Watch()
            await asyncio.gather(*(work() for _ in range(AT_ONCE)))
            return watch.rates(count)

    return asyncio.run(run())


def ask_with_hub(url: str, count: int) -> dict[str, float]:
    from huggingface_hub import AsyncInferenceClient

    async def run() -> dict[str, float]:
        numbers = iter(range(count))
        client = AsyncInferenceClient(model=url)

        async def work() -> None:
            for n in numbers:
                r = request(n)
                said = await client.text_generation(
                    r.prompt, details=True, do_sample=True, max_new_tokens=r.max_tokens,
                    return_full_text=False, seed=r.seed, stop=list(r.stop),
                    temperature=r.temperature, top_p=r.top_p,
                )  # fmt: skip
                assert said.generated_text == TEXT

        watch = Watch()
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        return watch.rates(count)

    return asyncio.run(run())


CLIENTS = {"pool": ask_with_pool, "aiohttp": ask_with_aiohttp, "hub": ask_with_hub}
PEERS = {"aiohttp": "a bare aiohttp loop", "hub": "huggingface_hub AsyncInferenceClient"}


@contextmanager
def child(*words: str) -> Iterator[subprocess.Popen[str]]:
    """This script in another process, ended by the end of its input."""
    process = subprocess.Popen(
        [sys.executable, __file__, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.communicate()


def run_child(*words: str) -> Any:
    with child(*words) as process:
        assert process.stdout is not None
        return json.loads(process.stdout.readline())


def throughput(quick: bool) -> list[dict[str, Any]]:
    counts = {"pool": 3000, "aiohttp": 3000, "hub": 400} if quick else (
        {"pool": 20_000, "aiohttp": 20_000, "hub": 2_000}
    )  # fmt: skip
    turns: list[dict[str, dict[str, float]]] = []
    with child("serve") as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        for _ in range(3 if quick else 5):
            turns.append({n: run_child("ask", n, url, str(counts[n])) for n in CLIENTS})
    wanted = {"aiohttp": 0.6, "hub": 5.0}
    return [
        line(
            f"samples through pool + ledger by {label}",
            statistics.median(turn["pool"][clock] for turn in turns),
            "1/s",
            wanted[name],
            peer=peer,
            peer_value=statistics.median(turn[name][clock] for turn in turns),
            turns=[turn["pool"][clock] / turn[name][clock] for turn in turns],
        )
        for clock, label in (("cpu", "second of CPU"), ("wall", "second of the clock"))
        for name, peer in PEERS.items()
    ]


# A fleet in simulated time


class Jumping(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next event when there is nothing to do."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


class Simulated:
    """An endpoint of `slots` that takes a long-tailed time for each answer; its fate by `fates`."""

    slots = 128
    tells = True
    fates: ClassVar[dict[str, tuple[float, str]]] = {}
    at_work: ClassVar[dict[str, "Simulated"]] = {}

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        self.name, self.timeout, self.busy = endpoint.url, timeout_s, 0
        self.chance = random.Random(endpoint.url)
        self.turned_away = self.asked = 0
        self.at_work[self.name] = self

    def fate(self) -> str:
        at, what = self.fates.get(self.name, (float("inf"), ""))
        return what if asyncio.get_running_loop().time() >= at else ""

    async def open(self, stack: AsyncExitStack) -> None:
        """Nothing to open."""

    async def identify(self) -> Served:
        if self.fate() == "dies":
            raise Passing("connection refused", "away")
        return Served("m", requests=self.slots if self.tells else 0)

    async def waiting(self) -> None:
        """It tells no queue."""

    async def complete(self, served: Served, request: Request, choices: int = 1) -> list[Said]:
        self.asked += 1
        if self.fate() == "dies":
            raise Passing("connection refused", "away")
        if self.busy >= self.slots:
            self.turned_away += 1
            await asyncio.sleep(0.01)
            raise Passing("HTTP 429: Model is overloaded", "busy")
        self.busy += 1
        try:
            took = min(self.chance.lognormvariate(2.7, 0.7), 300.0)  # median 15 s, mean 19 s
            if self.fate() == "slows":
                took *= 10
            left = took
            while left > 0:  # look up now and then: the endpoint may die meanwhile
                await asyncio.sleep(min(left, 20.0))
                left -= 20.0
                if self.fate() == "dies":
                    raise Passing("connection reset", "lost")
            if took > self.timeout:
                raise Passing("no answer in time", "lost")
        finally:
            self.busy -= 1
        return [Said(TEXT, "eos_token", 200, 0.0 if self.tells else -1.0)]


def simulate(minutes: float, tells: bool) -> dict[str, Any]:
    """A fleet of 16: one dies and one slows tenfold half-way."""
    half = minutes * 30
    Simulated.fates = {"http://e3": (half, "dies"), "http://e7": (half, "slows")}
    Simulated.tells = tells
    Simulated.at_work = {}
    names = [f"http://e{n}" for n in range(16)]
    endpoints = [Endpoint("tgi", name, "", 512) for name in names]
    counts = {"done": 0, "early_429": 0, "early_asked": 0}
    busy: list[tuple[float, dict[str, int]]] = []
    numbers = iter(range(10**9))

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def feed(count: int) -> None:
            for _ in range(count):
                n = next(numbers)
                fleet.todo.append(Item(n, Request("p", 1.0, 0.95, 512, (), n), str(n)))
            if fleet.starved:
                fleet.starved = False
                fleet.pump()

        def hand(item: Item, said: Completion) -> None:
            counts["done"] += 1
            feed(1)

        fleet = Fleet(
            endpoints, Teacher(endpoints=("tgi:http://e",)), ("m",), hand, stopped, Simulated
        )  # type: ignore[arg-type]
        feed(8192)
        fleet.start()
        while loop.time() < minutes * 60:
            await asyncio.sleep(1.0)
            busy.append((loop.time(), {n: s.busy for n, s in Simulated.at_work.items()}))
            if loop.time() <= 60:
                counts["early_429"] = sum(s.turned_away for s in Simulated.at_work.values())
                counts["early_asked"] = sum(s.asked for s in Simulated.at_work.values())
        await fleet.roll.close()

    def stopped(error: BaseException) -> None:
        raise error

    began = time.process_time()
    loop = Jumping()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(run())
    sims = Simulated.at_work.values()
    shares, first, slowed = [], [], []
    for at, slots in busy:
        healthy = [n for n in names if n not in Simulated.fates or at < half]
        share = sum(slots[n] for n in healthy) / (Simulated.slots * len(healthy))
        (shares if at > 60 else first).append(share)
        if at > half + 60:
            slowed.append(slots["http://e7"] / Simulated.slots)
    away = sum(s.turned_away for s in sims) - counts["early_429"]
    asked = sum(s.asked for s in sims) - counts["early_asked"]
    return {
        "busy": statistics.mean(shares),
        "worst_second": min(shares),
        "first_minute": statistics.mean(first),
        "slowed_busy": statistics.mean(slowed),
        "turned_away": away / asked,
        "asked": asked,
        "cpu_per_sample_us": (time.process_time() - began) / counts["done"] * 1e6,
    }


def fleet(quick: bool) -> list[dict[str, Any]]:
    lines = []
    for tells, label in ((True, "/info tells 128"), (False, "limit not told")):
        found = run_child("simulate", "10" if quick else "60", "1" if tells else "")
        lines += [
            line(f"fleet of 16 x 128, {label}: healthy slots busy after the first minute",
                 found["busy"], "share", 0.95, bound=True, detail=found),
            line(f"fleet of 16 x 128, {label}: 429s after the first minute",
                 found["turned_away"], "share", -0.01, bound=True),
        ]  # fmt: skip
    return lines


# Memory, start-up, kills


class AtOnce:
    """A wire that answers at once, without sockets."""

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        """Nothing to keep."""

    async def open(self, stack: AsyncExitStack) -> None:
        """Nothing to open."""

    async def identify(self) -> Served:
        return Served("m", requests=512)

    async def waiting(self) -> None:
        """It tells no queue."""

    async def complete(self, served: Served, request: Request, choices: int = 1) -> list[Said]:
        await asyncio.sleep(0)
        return [Said(TEXT, "eos_token", 200, 0.0)]


def memory_of(count: int) -> float:
    """Peak MB of a process that asks for so many samples; the caller keeps none of them."""
    crew.Wire = AtOnce  # type: ignore[misc, assignment]
    teacher = Teacher(endpoints=("tgi:http://x",), model="m", concurrency=512)
    with tempfile.TemporaryDirectory() as folder:
        jobs = (Job(n * 16 // count, n, request(n)) for n in range(count))
        paths = [Path(folder) / f"part-{part}" for part in range(16)]
        assert sum(1 for _ in generate(jobs, teacher, lambda part: paths[part])) == count
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory(quick: bool) -> list[dict[str, Any]]:
    most = 100_000 if quick else 1_000_000
    small, large = run_child("memory", "10000"), run_child("memory", str(most))
    return [
        line(f"memory, {most:,} samples", large, "MB", -500, bound=True,
             peer="10,000 samples", peer_value=small)
    ]  # fmt: skip


def start_up(count: int) -> dict[str, float]:
    """Seconds to open one ledger of so many samples, and to pass over them to the first new one,
    by the clock and of CPU."""
    crew.Wire = AtOnce  # type: ignore[misc, assignment]
    teacher = Teacher(endpoints=("tgi:http://x",), model="m")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "l"
        with Ledger(path) as ledger:
            for n in range(count):
                ledger.add(request(n).key("m"), Completion(TEXT, "eos_token", 200, "m"))
        size = path.stat().st_size / 2**20
        began, cpu = time.monotonic(), time.process_time()
        with Ledger(path) as ledger:
            opened, opened_cpu = time.monotonic() - began, time.process_time() - cpu
            assert len(ledger) == count
        began, cpu = time.monotonic(), time.process_time()
        jobs = (Job(0, n, request(n)) for n in range(count + 1))
        for job, _ in generate(jobs, teacher, lambda part: path):
            if job.handle == count:
                break
        passed, passed_cpu = time.monotonic() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"opened": opened, "opened_cpu": opened_cpu, "passed": passed,
            "passed_cpu": passed_cpu, "MB": size, "peak": peak}  # fmt: skip


def startup(quick: bool) -> list[dict[str, Any]]:
    count = 100_000 if quick else 1_000_000
    found = run_child("startup", str(count))
    wanted = -10.0 * count / 1_000_000
    return [
        line(f"open a ledger of {count:,} samples", found["opened"], "s", wanted, bound=True,
             detail=found),
        line("the same, of CPU", found["opened_cpu"], "s", None),
        line(f"give {count:,} recorded samples back and ask for a new one", found["passed"], "s",
             None),
        line("the same, of CPU", found["passed_cpu"], "s", None),
    ]  # fmt: skip


def kill(quick: bool) -> list[dict[str, Any]]:
    from killing import survive

    with tempfile.TemporaryDirectory() as folder:
        found = survive(Path(folder), 2_000 if quick else 20_000, 3 if quick else 50, seed=1)
    return [
        line(f"{found['kills']} kills in {found['samples']:,} samples: not exactly once",
             found["wrong"], "samples", -1, bound=True, detail=found),
        line("good answers asked for again, per kill", found["again_per_kill"], "samples",
             -(found["window"] + 1), bound=True),
    ]  # fmt: skip


def line(
    figure: str,
    value: float,
    unit: str,
    wanted: float | None,
    *,
    bound: bool = False,
    peer: str = "",
    peer_value: float | None = None,
    turns: Sequence[float] = (),
    **more: Any,
) -> dict[str, Any]:
    """A figure. `wanted` is a ratio to the peer, or the value's own bound; negative: at most.
    `turns`: the ratio in each turn, where there were several; their median counts."""
    ratio = value / peer_value if peer_value else None
    if turns:
        ratio, more["turns"] = statistics.median(turns), [round(turn, 2) for turn in turns]
    measured = value if bound or ratio is None else ratio
    ok = True if wanted is None else measured >= wanted if wanted >= 0 else measured < -wanted
    return {
        "figure": figure, "value": round(value, 4), "unit": unit, "peer": peer or None,
        "peer_value": peer_value and round(peer_value, 2), "ratio": ratio and round(ratio, 3),
        "wanted": None if wanted is None else f"{'>=' if wanted >= 0 else '<'} {abs(wanted)}",
        "ok": ok, **more,
    }  # fmt: skip


WHAT = {"throughput": throughput, "fleet": fleet, "memory": memory, "startup": startup,
        "kill": kill}  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=WHAT)
    options = parser.parse_args()
    for name in [options.only] if options.only else WHAT:
        for found in WHAT[name](options.quick):
            if options.json:
                print(json.dumps(found), flush=True)
                continue
            peer = f"{found['ratio']}x {found['peer']}" if found["peer"] else ""
            state = "" if found["wanted"] is None else "ok" if found["ok"] else "MISSED"
            print(f"{found['figure']:<78}{found['value']:>10} {found['unit']:<6} "
                  f"{found['wanted'] or '':<8} {state:<7}{peer}", flush=True)  # fmt: skip


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve"]:
            serve_instantly()
        case ["ask", name, url, count]:
            print(json.dumps(CLIENTS[name](url, int(count))))
        case ["simulate", minutes, tells]:
            print(json.dumps(simulate(float(minutes), bool(tells))))
        case ["memory", count]:
            print(json.dumps(memory_of(int(count))))
        case ["startup", count]:
            print(json.dumps(start_up(int(count))))
        case _:
            os.environ.setdefault("PYTHONWARNINGS", "ignore")
            main()
