"""The house: imports go one way, stages keep apart, only the command line prints or exits."""

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import ROOT
from omi2.fingerprint import imports
from omi2.pipeline import STAGES, names
from omi2.run import STAGE_NUMBERS

PACKAGE = ROOT / "builder" / "omi2"
LAYERS = [
    {"omi2", "errors", "arithmetic", "texts", "spool"},
    {"rows", "settings", "files", "lock"},
    {"sections", "ids", "tokens", "reports", "arithmetic_column"},
    {"recipe"},
    {"run"},
    {"engine_ray", "answers", "prompts"},
    {"engines"},
    {"marks", "sources", "ablate"},
    {"rules"},
    {"rules_column"},
    {"teachers"},
    {"overlap"},
    {"fingerprint", "card", "stages", "dataset", "largest"},
    {"release"},
    {"pipeline"},
    {"explain", "compare_runs", "console", "choose", "options"},
    {"cli_overlap", "cli_runs", "cli_teachers"},
    {"cli"},
    {"__main__"},
]
"""Each may import what stands above it, and its own package."""
PRINTS = {"console", "cli", "__main__", "cli_runs"}
ON_THEIR_OWN = {"answers.worker", "teachers.embedded"}
"""Modules that are also programs, whose standard output is a protocol."""
HEAVY = {"datasets", "torch", "ray", "sympy", "math_verify", "xllamacpp", "datasketch", "aiohttp"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def dotted(path: Path) -> str:
    name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    return name.removesuffix(".__init__") if name != "__init__" else "omi2"


def room(module: str) -> str:
    return module.removeprefix("omi2.").split(".")[0]


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_imports_go_one_way(path: Path) -> None:
    mine = room(dotted(path))
    height = {name: at for at, layer in enumerate(LAYERS) for name in layer}
    for found in imports(path.read_text(), f"omi2.{dotted(path)}"):
        other = room(found)
        assert other == mine or height[other] < height[mine], f"{dotted(path)} imports {found}"


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_no_import_is_overlooked(path: Path) -> None:
    """What is overlooked would leave a stage standing when the code behind it has changed."""
    known = {f"omi2.{dotted(p)}" if dotted(p) != "omi2" else "omi2" for p in modules()}
    wanted = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            wanted |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            wanted |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    mine = f"omi2.{dotted(path)}"
    assert (wanted & known) - {mine} <= imports(path.read_text(), mine)


def test_imports_are_seen_however_they_are_written() -> None:
    source = """
import omi2.run
    from omi2 import rows, files as f
from omi2.answers import (  # a package
    extract,  # a module, unlike
    compare as c,
)
from polars import rows
import omi2_hub.gates
from omi2_hub import gates
"""
    assert imports(source, "omi2.here") == {
        "omi2", "omi2.run", "omi2.rows", "omi2.files", "omi2.answers",
        "omi2.answers.extract", "omi2.answers.compare",
    }  # fmt: skip


@pytest.mark.parametrize("stage", names())
def test_a_stage_imports_no_other_and_reads_its_own_section(stage: str) -> None:
    source = (PACKAGE / "stages" / f"{stage}.py").read_text()
    others = {f"omi2.stages.{name}" for name in names()} - {f"omi2.stages.{stage}"}
    assert not others & imports(source, f"omi2.stages.{stage}")
    read = {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "recipe"
    }
    asks = {"augment": ["teacher"], "decontaminate": ["teacher", "judge"], "solve": ["teacher"]}
    allowed = {stage, "parts", "workers", *asks.get(stage, ())}
    assert read <= allowed, "a stage's fingerprint covers its own section alone"


def test_the_stages_are_numbered_in_their_order() -> None:
    assert tuple(STAGE_NUMBERS) == names()
    assert len(STAGES) == 7


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_only_the_command_line_prints_or_exits(path: Path) -> None:
    if dotted(path) in PRINTS | ON_THEIR_OWN:
        return
    calls = [
        node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
    ]
    printed = [
        f.id for f in calls if isinstance(f, ast.Name) and f.id in ("print", "exit", "input")
    ]
    exited = [f for f in calls if isinstance(f, ast.Attribute) and f.attr in ("exit", "_exit")]
    assert not printed
    assert not exited


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_nothing_dangerous_is_called(path: Path) -> None:
    source = path.read_text()
    tree = ast.parse(source)
    named = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    attributes = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    assert not named & {"eval", "exec", "parse_expr", "sympify", "pickle", "marshal"}
    assert not attributes & {"SIGALRM", "alarm", "parse_expr", "sympify", "system"}
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler) and n.type is None]
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg in ("shell", "allow_pickle"):
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_heavy_libraries_are_imported_where_they_are_used(path: Path) -> None:
    if dotted(path) in ON_THEIR_OWN | {"dataset"}:  # the builder class is a class of `datasets`
        return
    top = ast.parse(path.read_text()).body
    names_ = {a.name.split(".")[0] for n in top if isinstance(n, ast.Import) for a in n.names}
    names_ |= {str(n.module).split(".")[0] for n in top if isinstance(n, ast.ImportFrom)}
    assert not names_ & HEAVY


def test_the_builder_does_not_know_the_hub_package() -> None:
    for path in modules():
        assert "omi2_hub" not in path.read_text().replace("omi2_hub/", ""), path


def test_modules_are_short() -> None:
    lengths = {dotted(path): len(path.read_text().splitlines()) for path in modules()}
    assert {name: n for name, n in lengths.items() if n > 320} == {}


def test_help_is_fast() -> None:
    times = []
    for _ in range(3):
        began = time.process_time()
        done = subprocess.run(
            [sys.executable, "-c", "import sys, omi2.cli; print(sorted(sys.modules))"],
            capture_output=True,
            text=True,
            check=True,
        )
        times.append(time.process_time() - began)
    loaded = set(ast.literal_eval(done.stdout))
    assert not loaded & {*HEAVY, "polars", "pyarrow", "numpy"}
