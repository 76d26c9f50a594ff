"""Endpoint lines and files: read strictly, keys kept out of them."""

from pathlib import Path

import pytest

from omi2.errors import UsageError
from omi2.recipe import Teacher
from omi2.teachers.endpoints import Endpoint, endpoint, read


def test_a_line_has_an_address_and_options() -> None:
    teacher = Teacher(concurrency=100, key_env="ALL_KEY")
    assert endpoint("tgi:http://a:80/v1/", teacher) == Endpoint(
        "tgi", "http://a:80", "", 100, 1.0, "ALL_KEY"
    )
    assert endpoint("openai:https://b weight=2.5 concurrency=7 key_env=B_KEY", teacher) == Endpoint(
        "openai", "https://b", "", 7, 2.5, "B_KEY"
    )
    assert endpoint("tgi:http://a concurrency=900", teacher).concurrency == 100
    assert endpoint("chat:http://a", Teacher(model="m")).model == "m+chat"
    assert str(endpoint("openai:https://b key_env=B_KEY", teacher)) == "openai:https://b"


@pytest.mark.parametrize(
    "spec",
    ["http://x", "tgi:localhost:80", "vllm:http://x", "embeded", "", "embedded weight=2", "tgi:"],
)
def test_an_unknown_teacher_is_a_usage_error(spec: str) -> None:
    with pytest.raises(UsageError, match="no such teacher"):
        endpoint(spec, Teacher())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("wieght=2", "did you mean 'weight'"),
        ("colour=red", "it knows weight, concurrency, key_env"),
        ("weight=0", "needs a number above 0"),
        ("weight=inf", "needs a number above 0"),
        ("weight=nan", "needs a number above 0"),
        ("concurrency=2.5", "needs a whole number above 0"),
        ("concurrency=-1", "needs a whole number above 0"),
        ("key_env=", "needs the name of an environment variable"),
    ],
)
def test_a_wrong_option_is_a_usage_error(options: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        endpoint(f"tgi:http://x {options}", Teacher())


@pytest.mark.parametrize("spec", ["tgi:http://me:hunter2@host", "vllm:http://me:hunter2@host"])
def test_a_password_in_an_address_is_refused_and_not_repeated(spec: str) -> None:
    with pytest.raises(UsageError) as caught:
        endpoint(spec, Teacher())
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "spec",
    [
        "tgi:http://host/?key=hunter2",
        "tgi:http://host/#hunter2",
        "tgi:http://[fe80::1:8080",
        "tgi:http://host:99999",
        "tgi:http://host:port",
    ],
)
def test_what_is_no_plain_address_is_refused_and_no_key_repeated(spec: str) -> None:
    with pytest.raises(UsageError, match="no plain address") as caught:
        endpoint(spec, Teacher())
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (" key=hunter2", "no option 'key'"),
        ("\tkey=hunter2", "no option 'key'"),
        (" weight=2\tkey_env=hunter2", "key_env needs the name of an environment variable"),
        (" key_env=sk-hunter2", "key_env needs the name of an environment variable"),
        (" key_env=sk-hunter2 weight=0", "key_env needs the name"),
        (" weight=0 key_env=sk-hunter2", "weight is '0'"),
    ],
)
def test_a_key_that_stands_on_the_line_is_not_repeated(options: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        endpoint(f"tgi:http://host{options}", Teacher())
    assert "hunter2" not in str(caught.value)


def test_a_key_in_the_place_of_its_variable_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="key_env is no name of an environment") as caught:
        Teacher(key_env="hf_hunter2")
    assert "hunter2" not in str(caught.value)


def test_a_file_names_endpoints_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "e.txt"
    path.write_text("\n# ours\ntgi:http://a\ntgi:http://b weight=2  # the big one\ntgi:http://a\n")
    found = read(Teacher(endpoints=(f"file:{path}",)))
    assert [(e.url, e.weight) for e in found] == [("http://a", 1.0), ("http://b", 2.0)]


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "names no endpoint"), ("embedded\n", "servers alone"), (None, "cannot be read")],
)
def test_a_file_that_cannot_be_used_is_said(text: str | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "e.txt"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=says):
        read(Teacher(endpoints=(f"file:{path}",)))
    with pytest.raises(UsageError, match="names all endpoints"):
        read(Teacher(endpoints=(f"file:{path}", "tgi:http://a")))
