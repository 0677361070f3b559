from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gloveport.guardrails.config import Config, ConfigError, find_config, load_config


def write(folder: Path, text: str) -> Path:
    path = folder / "gloveport.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def findings(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_config(write(folder, text))
    return caught.value.findings


def test_the_contract_of_the_house_loads(tmp_path: Path) -> None:
    config = load_config(
        write(
            tmp_path,
            """
databases:
  clinic:
    url: sqlite:///clinic.db
    tables: [patients, visits, hr.staff, "Loyalty Cards"]
    deny: [api_keys]
    classes: {patients.email: email, patients.notes: free_text, staff.salary: {class: money, mask: redact}}
    inference: strict
    min_group_size: 5
    functions: [add_tax]
    limits: {rows: 1000, seconds: 10, bytes: 1000000}
files:
  reports: {path: ./reports, write: true}
tools: [my_tools.py, other.module]
policies: ./policies
recordings: ./recordings
masking: {key: env:SOME_KEY}
identity: {agent: claude}
""",
        )
    )
    clinic = config.databases["clinic"]
    assert clinic.url == f"sqlite:///{tmp_path}/clinic.db"
    assert clinic.classes["patients.email"].class_name == "email"
    assert clinic.classes["staff.salary"].mask == "redact"
    assert config.files["reports"].path == tmp_path / "reports"
    assert config.tools == (str(tmp_path / "my_tools.py"), "other.module")
    assert config.policies == tmp_path / "policies"


def test_json_is_valid_too(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, '{"limits": {"rows": 3}}')).limits.rows == 3


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (
            "databases:\n  a:\n    urll: x\n    url: sqlite:///a\n",
            3,
            "databases.a.urll: unknown key; did you mean 'url'?",
        ),
        ("limits: {rows: 1}\nlimits: {rows: 2}\n", 2, "limits: key is written twice"),
        ("\nmasking: {key: secret}\n", 2, "masking.key: must be env:NAME or file:PATH"),
        ("databases:\n  a:\n    url: clinic.db\n", 3, "is not a database URL"),
        ("databases: {'a b': {url: 'sqlite:///x'}}", 1, "must be letters"),
        ("upstreams: {wiki: {command: [x]}}", 1, "is not available in this version"),
        ("files: [a]", 1, "files"),
        ("a: [", 1, "not valid YAML"),
        ("- a", 1, "must be a mapping"),
    ],
)
def test_a_complaint_names_file_line_and_mend(tmp_path: Path, text: str, line: int, words: str) -> None:
    complaints = findings(tmp_path, text)
    assert any(c.startswith(f"{tmp_path / 'gloveport.yaml'}:{line}: ") and words in c for c in complaints), complaints
    assert all("\n" not in c for c in complaints)


def test_a_complaint_never_repeats_a_value(tmp_path: Path) -> None:
    complaints = findings(tmp_path, "databases:\n  a:\n    url: {password: hunter2}\n    min_group_size: hunter2\n")
    assert len(complaints) == 2
    assert "hunter2" not in " ".join(complaints)


def test_the_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOVEPORT_IDENTITY__AGENT", "from-env")
    monkeypatch.setenv("GLOVEPORT_RECORDINGS", "/var/elsewhere")
    monkeypatch.setenv("GLOVEPORT_TEST_POSTGRES", "ignored")
    config = load_config(write(tmp_path, "identity: {agent: from-file, human: ann}\nrecordings: here\n"))
    assert (config.identity.agent, config.identity.human) == ("from-env", "ann")
    assert config.recordings == Path("/var/elsewhere")


def test_a_url_may_stand_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLINIC_URL", "postgresql://u:p@h/d")
    config = load_config(write(tmp_path, "databases: {a: {url: 'env:CLINIC_URL'}}"))
    assert config.databases["a"].url == "postgresql://u:p@h/d"
    monkeypatch.delenv("CLINIC_URL")
    assert "CLINIC_URL, which is not set" in findings(tmp_path, "databases: {a: {url: 'env:CLINIC_URL'}}")[0]


def test_no_file_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GLOVEPORT_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="gloveport init"):
        find_config(None)
    write(tmp_path, "{}")
    assert find_config(None) == tmp_path / "gloveport.yaml"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(data=st.binary(max_size=200) | st.text(alphabet="{}[]:-,'\"\n &*!|>#ab1.", max_size=80).map(str.encode))
def test_no_file_content_ends_in_a_traceback(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "fuzz.yaml"
    path.write_bytes(data)
    try:
        assert isinstance(load_config(path), Config)
    except ConfigError as error:
        assert error.findings
