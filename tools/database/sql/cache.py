"""Caches: analyses by text and everything they depend on, shapes by catalog and rules."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from .analysis import Analysis, GuardSettings
from .shapes import Shapes
from .tokens import Probes

_Key = tuple[object, ...]


class AnalysisCache:
    """The latest analyses. Which literals are tokens depends on who asks: an entry remembers what was answered for
    each literal, and is only used again when the answers are the same. Safe to use from several threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[_Key, tuple[Analysis, Probes]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, text: str, settings: GuardSettings) -> Analysis | None:
        key = _key(text, settings)
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
        analysis, probes = entry
        ask = settings.token_class
        if any(ask(value) != answer for value, answer in probes):
            return None
        return analysis

    def put(self, text: str, settings: GuardSettings, analysis: Analysis, probes: Probes) -> None:
        with self._lock:
            self._entries[_key(text, settings)] = (analysis, probes)
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()


def _key(text: str, settings: GuardSettings) -> _Key:
    return (
        text,
        *_shapes_key(settings),
        settings.inference,
        settings.min_group_size,
        settings.token_joins,
        settings.writes,
        tuple(settings.class_inference.items()),
    )


def _shapes_key(settings: GuardSettings) -> _Key:
    """What the shapes of relations depend on."""
    catalog = settings.catalog
    return (
        catalog.database,
        catalog.dialect,
        catalog.version,
        catalog.open_relations,
        catalog.user_functions,
        settings.rules.version,
    )


class ShapeCache:
    """Shapes of the latest catalogs and rules."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[_Key, Shapes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, settings: GuardSettings, make: Callable[[GuardSettings], Shapes]) -> Shapes:
        key = _shapes_key(settings)
        with self._lock:
            shapes = self._entries.get(key)
            if shapes is None:
                shapes = make(settings)
                self._entries[key] = shapes
                while len(self._entries) > self._size:
                    self._entries.popitem(last=False)
            else:
                self._entries.move_to_end(key)
            return shapes
