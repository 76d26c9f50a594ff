"""Which model a teacher is: by the model and not by its host, and never two by accident."""

from dataclasses import replace
from pathlib import Path

import pytest

from omi2.errors import RemoteError, UsageError
from omi2.fingerprint import fingerprint
from omi2.recipe import Recipe, Teacher, load
from omi2.run import open_run
from omi2.settings import same
from omi2.teachers import Job, Request, embedded, generate, identity
from servers import serve, without_waiting

NOBODY = "tgi:http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    without_waiting(monkeypatch)


def jobs(count: int) -> list[Job]:
    return [Job(0, n, Request(f"prompt {n}", 1.0, 0.95, 64, (), n)) for n in range(count)]


def asked_of(*specs: str, **settings: object) -> tuple[str, ...]:
    return identity.identify(Teacher(endpoints=specs, **settings)).models  # type: ignore[arg-type]


def prints(recipe: Recipe, folder: Path, *specs: str, model: str = "") -> dict[str, str]:
    """The fingerprints of the stages that ask, for these endpoints."""
    teacher = replace(recipe.teacher, endpoints=specs, model=model)
    recipe = replace(recipe, teacher=teacher, augment=replace(recipe.augment, problems=same(1)))
    run = open_run(folder / "run", recipe.parts)
    return {stage: fingerprint(stage, recipe, run, ()) for stage in ("seed", "augment", "solve")}


def test_other_hosts_with_the_same_model_change_nothing_and_another_model_does(
    tmp_path: Path,
) -> None:
    recipe = load("dry-run")
    with serve("tgi", lambda *_: "") as one, serve("tgi", lambda *_: "") as two:
        first = prints(recipe, tmp_path, f"tgi:{one.url}")
        assert prints(recipe, tmp_path, f"tgi:{two.url}") == first
        assert prints(recipe, tmp_path, f"tgi:{one.url}", f"tgi:{two.url} weight=2") == first
        hosts = tmp_path / "hosts.txt"
        hosts.write_text(f"tgi:{two.url}\n")
        assert prints(recipe, tmp_path, f"file:{hosts}") == first
    with serve("tgi", lambda *_: "", "another") as other:
        now = prints(recipe, tmp_path, f"tgi:{other.url}")
    assert {s for s in now if now[s] != first[s]} == {"augment", "solve"}
    named = prints(recipe, tmp_path, NOBODY, model="made-model@abc")
    assert named == first


def test_another_model_behind_the_same_address_is_another_teacher(tmp_path: Path) -> None:
    recipe = load("dry-run")
    with serve("tgi", lambda *_: "", "one") as server:
        port = int(server.url.rpartition(":")[2])
        first = prints(recipe, tmp_path, f"tgi:{server.url}")
    with serve("tgi", lambda *_: "", "two", port=port) as server:
        assert prints(recipe, tmp_path, f"tgi:{server.url}")["solve"] != first["solve"]


def test_where_nobody_answers_any_more_the_same_lines_are_whom_they_were(tmp_path: Path) -> None:
    recipe = load("dry-run")
    with serve("openai", lambda *_: "") as server:
        spec = f"openai:{server.url}"
        first = prints(recipe, tmp_path, spec)
    assert prints(recipe, tmp_path, spec) == first
    with pytest.raises(RemoteError, match="no connection: connection refused"):
        prints(recipe, tmp_path, NOBODY)
    with pytest.raises(RemoteError, match="no connection: connection refused"):
        prints(recipe, tmp_path / "elsewhere", spec)


def test_the_embedded_teacher_is_its_file_by_sha256(tmp_path: Path) -> None:
    recipe = load("dry-run")
    first = prints(recipe, tmp_path, "embedded")
    (tmp_path / "m.gguf").write_bytes(b"GGUF one")
    one = prints(recipe, tmp_path, f"embedded:{tmp_path}/m.gguf", model="mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "m.gguf").rename(tmp_path / "elsewhere" / "m.gguf")
    assert prints(recipe, tmp_path, f"embedded:{tmp_path}/elsewhere/m.gguf", model="mine") == one
    (tmp_path / "m.gguf").write_bytes(b"GGUF two")  # under the same name
    two = prints(recipe, tmp_path, f"embedded:{tmp_path}/m.gguf", model="mine")
    assert len({first["solve"], one["solve"], two["solve"]}) == 3
    assert identity.identify(Teacher()).files == (embedded.SHA256,)


def test_where_nothing_is_asked_nobody_has_to_answer(tmp_path: Path) -> None:
    recipe = load("dry-run")
    teacher = replace(recipe.teacher, endpoints=(NOBODY,))
    recipe = replace(recipe, teacher=teacher, augment=replace(recipe.augment, problems=same(0)))
    assert fingerprint("augment", recipe, open_run(tmp_path / "run", recipe.parts), ())


def test_two_models_are_refused_unless_they_are_asked_for(tmp_path: Path) -> None:
    with serve("openai", lambda *_: "a", "one") as a, serve("openai", lambda *_: "b", "two") as b:
        specs = (f"openai:{a.url}", f"openai:{b.url}")
        with pytest.raises(UsageError, match=r"one, two.*mixed = true"):
            asked_of(*specs)
        assert asked_of(*specs, mixed=True) == ("one", "two")
        teacher = Teacher(endpoints=specs, mixed=True, concurrency=2)
        said = [c for _, c in generate(jobs(60), teacher, lambda part: tmp_path / "l")]
        assert {(c.text, c.model) for c in said} == {("a", "one"), ("b", "two")}
        asked = len(a.asked) + len(b.asked)
        again = [c for _, c in generate(jobs(60), teacher, lambda part: tmp_path / "l")]
        assert len(a.asked) + len(b.asked) == asked
        assert len(again) == 60
        alone = Teacher(endpoints=specs[:1])  # a pool of other models is another teacher
        assert {c.text for _, c in generate(jobs(5), alone, lambda part: tmp_path / "l")} == {"a"}
        assert len(a.asked) + len(b.asked) == asked + 5


def test_in_a_mixed_pool_everybody_has_to_tell() -> None:
    with serve("openai", lambda *_: "", "one") as one:
        with pytest.raises(RemoteError, match=r"127.0.0.1:9 does not tell its model.*model=NAME"):
            asked_of(f"openai:{one.url}", NOBODY, mixed=True)
        named = asked_of(f"openai:{one.url}", f"{NOBODY} model=two", mixed=True)
        assert named == ("one", "two")


def test_a_name_of_the_recipe_is_compared_with_what_the_endpoint_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serve("tgi", lambda *_: "fine") as server:
        spec = f"tgi:{server.url}"
        for name in ("made-model", "made-model@abc"):  # with its commit and without
            teacher = Teacher(endpoints=(spec,), model=name)
            said = list(generate(jobs(2), teacher, lambda part: tmp_path / "l"))
            assert {c.model for _, c in said} == {name}
        teacher = Teacher(endpoints=(spec,), model="Llama-405B", outage_s=1.0)
        with pytest.raises(RemoteError, match=r"serves made-model.*not Llama-405B.*model=Llama"):
            list(generate(jobs(2), teacher, lambda part: tmp_path / "l"))
        asked = len(server.asked)
        believed = Teacher(endpoints=(f"{spec} model=Llama-405B",))
        said = list(generate(jobs(2), believed, lambda part: tmp_path / "l"))
        assert {c.model for _, c in said} == {"Llama-405B"}
        assert len(server.asked) == asked + 2


def test_a_believed_name_is_not_what_the_server_is_asked_for(tmp_path: Path) -> None:
    """vLLM answers 404 to a model's name that it does not serve: it is called by its own."""
    with serve("openai", lambda *_: "fine", "/data/llama") as server:
        teacher = Teacher(endpoints=(f"openai:{server.url} model=Llama-405B",))
        said = list(generate(jobs(2), teacher, lambda part: tmp_path / "l"))
    assert {c.model for _, c in said} == {"Llama-405B"}
    assert {body["model"] for body in server.asked} == {"/data/llama"}


def test_a_name_that_the_server_knows_is_what_it_is_asked_for(tmp_path: Path) -> None:
    """vLLM lists its adapters behind the base model: who names one means that one."""
    listed = (200, {"data": [{"id": "base"}, {"id": "our-adapter"}]})
    with serve("openai", lambda *_: "fine", info=listed) as server:
        teacher = Teacher(endpoints=(f"openai:{server.url} model=our-adapter",))
        said = list(generate(jobs(2), teacher, lambda part: tmp_path / "l"))
    assert {c.model for _, c in said} == {"our-adapter"}
    assert {body["model"] for body in server.asked} == {"our-adapter"}


def test_a_silent_endpoint_does_not_hold_up_the_question_who_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from servers import Slow

    monkeypatch.setattr(identity, "GRACE", 0.1)
    with (
        serve("tgi", lambda *_: "", info=Slow(60, (200, {}))) as silent,
        serve("tgi", lambda *_: "") as good,
    ):
        assert asked_of(f"tgi:{silent.url}", f"tgi:{good.url}") == ("made-model@abc",)


def test_no_address_is_in_a_fingerprint_or_identity(tmp_path: Path) -> None:
    with serve("tgi", lambda *_: "") as server:
        found = identity.known(Teacher(endpoints=(f"tgi:{server.url}",)), tmp_path)
    assert "127.0.0.1" not in repr(found)
