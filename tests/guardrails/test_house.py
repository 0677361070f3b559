"""What cannot load stops the start; the transcript says what decided and what masked."""

# ruff: noqa: ASYNC240 - tests look at files between calls

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from gloveport.guardrails import house as rooms
from gloveport.guardrails.call import Caller, Request
from gloveport.guardrails.config import load_config
from gloveport.guardrails.house import House, HouseError
from gloveport.guardrails.masking.detect import Detector
from gloveport.recordings.reader import read_sessions


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gloveport.yaml"
    path.write_text("identity: {human: ann}\n")
    return path


async def test_a_masker_that_cannot_load_stops_the_start(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Detector, *_: object, **__: object) -> None:
        raise FileNotFoundError("weights.npz")

    monkeypatch.setattr(rooms.Detector, "scan_many", broken)
    with pytest.raises(HouseError, match="the detector cannot load"):
        async with House.open(load_config(config)):
            raise AssertionError("opened without a detector")


async def test_a_policy_that_cannot_load_stops_the_start(config: Path, tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "a.cedar").write_text("permit(principal, action, resource) when { context.nonsense };")
    config.write_text("policies: ./policies\n")
    with pytest.raises(HouseError, match=r"a\.cedar:1"):
        async with House.open(load_config(config)):
            raise AssertionError("opened without a policy")


async def test_a_session_names_policy_masks_and_configuration(config: Path, tmp_path: Path) -> None:
    async with House.open(load_config(config)) as house:
        release = await house.chain.call(Request("session_status", {}, Caller(transport="memory")))
        (entry,) = release.content["entries"]  # type: ignore[misc]
        assert entry["human"] == "ann"  # type: ignore[index, call-overload]
    (session,) = read_sessions(tmp_path / "recordings")
    server = json.loads(next(session.lines()))["body"]["server"]
    for digest in (server["policy_digest"], server["masking_digest"], server["config_digest"]):
        assert digest.startswith("sha256:")
    kept = server["policy_digest"].removeprefix("sha256:")
    document = (tmp_path / "recordings" / "blobs" / "sha256" / kept[:2] / kept[2:]).read_bytes()
    assert hashlib.sha256(document).hexdigest() == kept
    assert "rules/access.cedar" in json.loads(document)
