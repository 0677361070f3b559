"""docs/config.md: every key of the configuration is in its example, and nothing else is."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from gloveport.guardrails.config import Config, load_config
from gloveport.guardrails.masking.classes import CLASSES
from gloveport.tools.tool import Mask

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "config.md").read_text()
(EXAMPLE,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
REFUSED = {("upstreams",), ("packs",)}  # keys of later versions: any value stops the start


def keys_of(model: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key path of a model; ``*`` stands for a name of the reader's choice."""
    for name, field in model.model_fields.items():
        key = (*path, field.alias or name)
        yield key
        yield from _below(field.annotation, key)


def _below(annotation: Any, key: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from keys_of(annotation, key)
    elif typing.get_origin(annotation) in (Mapping, dict):
        yield from _below(typing.get_args(annotation)[1], (*key, "*"))
    else:
        for part in typing.get_args(annotation):
            yield from _below(part, key)


def shown(data: object, known: set[tuple[str, ...]], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key path of the example, with ``*`` where the configuration takes any name."""
    if not isinstance(data, dict):
        return
    for name, value in data.items():
        named = any(other[:-1] == path and other[-1] != "*" for other in known)
        key = (*path, str(name) if named else "*")
        if named:
            yield key
        yield from shown(value, known, key)


def test_the_example_has_every_key_and_no_other(tmp_path: Path) -> None:
    known = set(keys_of(Config)) - REFUSED
    found = set(shown(yaml.safe_load(EXAMPLE), known))
    assert known - found == set()
    assert found - known == set()
    path = tmp_path / "gloveport.yaml"
    path.write_text(EXAMPLE)
    assert load_config(path), "and it loads: an unknown key would not"


def test_keys_of_later_versions_are_named_as_such() -> None:
    for (name,) in REFUSED:
        assert f"`{name}`" in PAGE


def test_every_class_and_mask_is_named() -> None:
    listed = re.search(r"## Classes and masks\n\n`([a-z_0-9\s]+)`", PAGE)
    assert listed is not None
    assert set(listed[1].split()) == set(CLASSES)
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE.partition("## Classes and masks")[2], re.MULTILINE)) == set(Mask)
