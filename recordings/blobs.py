"""Blobs: large values kept once under the digest of their bytes."""

from __future__ import annotations

import hashlib


def digest_of(data: bytes) -> str:
    """``sha256:<64 hex>``. Only of what is masked or public: a bare digest of a raw value could be guessed back."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
