"""Credentials in text: published key formats, key material, and what stands behind a telling name."""

from __future__ import annotations

from typing import Final

from ..scan import Anchor
from . import assignments, formats

ANCHORS: Final[tuple[Anchor, ...]] = (*formats.ANCHORS, *assignments.ANCHORS)
