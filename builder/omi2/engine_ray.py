"""Map a function over parts on a Ray cluster: Ray's core alone, behind `omi2.engines`.

`ray` starts Ray on this machine for the time of the build; `ray:ADDRESS` (HOST:6379, or auto) joins
a cluster, from a machine that belongs to it. A task is one part. What it reads and writes lies in
the run directory, which all machines have to share at the same path; between machines go only the
recipe and a part's report.

Before a machine works on a part it shows that it sees this run directory (the words in its lock)
and has the same omi2 and libraries: another version would write other bytes. A part whose worker
or machine is lost is run again elsewhere; one that loses its worker `LIVES` times is an error that
names it. A file is renamed into place when it is whole, so of two workers at one part (one thought
lost, and alive) either leaves the same bytes.

Ray's servers listen on every interface: the one started here takes tasks only from who knows a
token made for it alone. Usage reports are off. Not covered: object stores. They have neither rename
nor locks, on which everything about resuming rests; and Ray Client (ray://), whose driver is
outside the cluster.
"""

import atexit
import functools
import hashlib
import logging
import os
import secrets
import shutil
import socket
import sys
import tempfile
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from omi2.errors import Omi2Error, RemoteError, UsageError, need_extra
from omi2.lock import LOCK
from omi2.recipe import Recipe
from omi2.run import Run

Task = TypeVar("Task")
Result = TypeVar("Result")

LIVES = 3
"""Workers that one part may cost."""
LIBRARIES = ("math-verify", "numpy", "polars", "polars-hash", "pyarrow", "sympy", "xxhash")
"""Those whose version may change what a part holds."""
LOOPBACK = "127.0.0.2"
"""What the Ray that is started here calls itself; it takes 127.0.0.1 for a mistake."""
SETTINGS = {"POLARS_MAX_THREADS": "1"}
"""Of the workers: Ray runs one for each core."""


def results(
    function: Callable[[Recipe, Run, Task], Result],
    recipe: Recipe,
    run: Run,
    stage: str,
    tasks: Sequence[Task],
) -> Iterator[tuple[Task, Result]]:
    """Each task with its result, as they come. Raises Omi2Error, and what `function` raises."""
    if not tasks:
        return
    ray = _joined(recipe)
    run = replace(run, path=run.path.resolve())
    function_ = ray.put((function, recipe, run, _words(run), made_by()))
    at = ray.remote(num_cpus=1, max_retries=0)(_there)
    waiting, lost = deque(tasks), Counter[Task]()
    running: dict[Any, Task] = {}
    try:
        while waiting or running:
            while waiting and len(running) < (recipe.workers or len(tasks)):
                task = waiting.popleft()
                running[at.remote(function_, task)] = task
            done, _ = ray.wait(list(running), num_returns=1)
            task = running.pop(done[0])
            try:
                result = ray.get(done[0])
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except ray.exceptions.RayError as error:
                lost[task] += 1
                if lost[task] == LIVES:
                    raise Omi2Error(lost_for_good(stage, task, type(error).__name__)) from None
                waiting.append(task)
            else:
                yield task, result
    except BaseException:
        for reference in running:
            ray.cancel(reference, force=True)
        raise


def _there(
    what: tuple[Callable[[Recipe, Run, Task], Result], Recipe, Run, str, dict[str, str]],
    task: Task,
) -> Result:
    """On a machine of the cluster: one task, if its result can be relied on."""
    function, recipe, run, words, wanted = what
    here, host = made_by(), socket.gethostname()
    if differing := sorted(name for name in wanted if here[name] != wanted[name]):
        told = ", ".join(f"{n} is {here[n]}, not {wanted[n]}" for n in differing)
        raise Omi2Error(
            f"on {host} {told}: its parts would not be the same bytes. Install the same packages on"
            " every machine of the Ray cluster"
        )
    if not run.path.is_dir() or _words(run) != words:
        raise Omi2Error(
            f"{host} does not see the run directory {run.path} of this build: put it, with --run, "
            "on a file system that all machines of the Ray cluster share, at the same path"
        )
    return function(recipe, run, task)


@functools.cache
def made_by() -> dict[str, str]:
    """What decides a part's bytes: omi2's own files, as a hash, and the libraries' versions."""
    package = Path(__file__).parent
    files = sorted(p for p in package.rglob("*") if p.suffix in (".py", ".toml", ".npz"))
    whole = hashlib.sha256()
    for path in files:
        whole.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return {"omi2": whole.hexdigest()[:16], **{name: version(name) for name in LIBRARIES}}


def _words(run: Run) -> str:
    """What the build that holds the run directory wrote in its lock."""
    try:
        return (run.path / LOCK).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def lost_for_good(stage: str, task: object, how: str) -> str:
    """What to say of a part that costs every worker."""
    return (
        f"{stage}: part {task} lost its worker {LIVES} times ({how}), perhaps for want of memory: "
        "the parts that are done are kept. Give it more memory, or begin a new run with more "
        "`parts` in the recipe"
    )


def _joined(recipe: Recipe) -> Any:
    """Ray, connected; the connection ends with the process."""
    address = recipe.engine.partition(":")[2]
    if "ray" not in sys.modules:  # which reads these when it is imported
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        if not address:
            os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    try:
        import ray
    except ImportError:
        raise need_extra("ray", "ray", f"the engine {recipe.engine!r}") from None
    if ray.is_initialized():
        return ray
    logging.getLogger("ray").setLevel(logging.ERROR)
    plain: dict[str, Any] = {
        "log_to_driver": False, "configure_logging": False, "runtime_env": {"env_vars": SETTINGS}
    }  # fmt: skip
    if address:
        _look_for(address)
    else:
        folder = Path(
            tempfile.mkdtemp(prefix="omi2-ray-", dir="/tmp")
        )  # its sockets' paths are long
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        plain |= {
            "num_cpus": recipe.workers or os.cpu_count(), "include_dashboard": False,
            "object_store_memory": 80 << 20, "_temp_dir": str(folder),
            "_node_ip_address": LOOPBACK,
        }  # fmt: skip
    ray._private.worker.print_to_stdstream = _remark
    atexit.register(ray.shutdown)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of what Ray will do with GPUs
        try:
            ray.init(address=address or "local", **plain)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _no_cluster(address, str(error)) from None
    return ray


def _remark(told: dict[str, Any], **_: Any) -> None:
    """What Ray would print on stdout, which is for data: the first sentence of each line."""
    for line in told["lines"]:
        logging.getLogger(__name__).warning("ray: %s.", line.partition(". ")[0])


def _look_for(address: str) -> None:
    """Fail at once where nobody listens: Ray itself waits for minutes. Raises Omi2Error."""
    host, _, port = address.rpartition(":")
    if address == "auto":
        return
    if not host or not port.isdigit():
        raise UsageError(
            f"the engine ray:{address} names no cluster: write ray:HOST:PORT, or ray:auto"
        )
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise _no_cluster(address, error.strerror or str(error)) from None


def _no_cluster(address: str, why: str) -> RemoteError:
    return RemoteError(
        f"no Ray cluster answers at {address or 'this machine'} ({why.splitlines()[0]}): start one "
        "with `ray start --head`, name it with --engine ray:HOST:PORT, and run the same command "
        "again"
    )
