from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from gloveport.guardrails.config import load_config
from gloveport.guardrails.decision import site_vocabulary
from gloveport.guardrails.doors.cli import project
from gloveport.guardrails.doors.cli.common import UserError
from gloveport.policies.store import PolicyStore, failures

app = typer.Typer()
app.command("init")(project.init)
app.command("doctor")(project.doctor)


def init(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["init", *arguments])


def test_what_it_writes_loads(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "place"
    result = init(str(folder), "--database", "sqlite:///shop.db", "--name", "shop")
    assert result.exit_code == 0
    assert f"cd {folder}" in result.stdout
    assert "gloveport classify shop" in result.stdout
    config = load_config(folder / "gloveport.yaml")
    assert config.databases["shop"].url == f"sqlite:///{folder}/shop.db"
    assert config.files["reports"].write
    bundle = PolicyStore.load(config.policies, site=site_vocabulary(config, [])).bundle
    assert failures(bundle, config.policies) == []


def test_nothing_that_exists_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "gloveport.yaml").write_text("mine")
    result = init(str(tmp_path))
    assert isinstance(result.exception, UserError)
    assert (tmp_path / "gloveport.yaml").read_text() == "mine"
    assert not (tmp_path / "policies").exists()


def test_a_policy_folder_of_one_s_own_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "own.cedar").write_text("mine")
    result = init(str(tmp_path))
    assert isinstance(result.exception, UserError)
    assert not (tmp_path / "gloveport.yaml").exists()


@pytest.mark.parametrize("json", [True, False])
def test_the_doctor_ends_with_1_on_anything_bad(tmp_path: Path, json: bool) -> None:
    init(str(tmp_path), "--database", "sqlite:///nowhere.db")
    options = ["--json"] if json else []
    result = CliRunner().invoke(app, ["doctor", "--config", str(tmp_path / "gloveport.yaml"), *options])
    assert result.exit_code == 1
    assert "nowhere.db: no such file" in result.stdout
    (tmp_path / "gloveport.yaml").write_text("policies: policies\nfiles: {reports: {path: reports}}\n")
    result = CliRunner().invoke(app, ["doctor", "--config", str(tmp_path / "gloveport.yaml"), *options])
    assert result.exit_code == 0, result.stdout
