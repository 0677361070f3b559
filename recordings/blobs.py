"""Blobs: large values kept once under the digest of their bytes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import cast

import orjson
from pydantic import JsonValue

from .layout import Layout
from .values import BLOB_MARK, TEXT_MARK, JsonObject


def digest_of(data: bytes) -> str:
    """``sha256:<64 hex>``. Only of what is masked or public: a bare digest of a raw value could be guessed back."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class BlobError(ValueError):
    """A blob that is not there or not what its digest says. The text names the digest, never the content."""


@dataclass(frozen=True, slots=True)
class Blobs:
    """Reads the blobs under one recordings folder; every read checks the digest."""

    layout: Layout

    def read(self, digest: str) -> bytes:
        """The bytes of a blob. Raises `BlobError`."""
        try:
            data = self.layout.blob_file(digest).read_bytes()
        except ValueError:
            raise BlobError("not the digest of a blob") from None
        except OSError as error:
            raise BlobError(f"blob {digest}: {error.strerror or 'cannot be read'}") from None
        if digest_of(data) != digest:
            raise BlobError(f"blob {digest}: its bytes have another digest")
        return data

    def json(self, digest: str) -> JsonValue:
        """The JSON value of a blob. Raises `BlobError`."""
        return _loads(self.read(digest), digest)

    def whole(self, value: JsonValue) -> JsonValue:
        """A recorded value as it was released: blobs put back in their places, values out of the rules restored.

        Raises `BlobError`.
        """
        if isinstance(value, dict):
            digest = blob_digest(value)
            if digest is not None:
                return self.json(digest)
            text = value.get(TEXT_MARK)
            if isinstance(text, str) and len(value) == 1:
                return cast("JsonValue", json.loads(text))
            return {key: self.whole(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.whole(item) for item in value]
        return value


def blob_digest(value: JsonValue) -> str | None:
    """The digest in a blob mark, or None for any other value."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    mark = value.get(BLOB_MARK)
    digest = mark.get("digest") if isinstance(mark, dict) else None
    return digest if isinstance(digest, str) else None


def blobs_named(body: JsonObject) -> set[str]:
    """The digests of all blobs that an event's body names."""
    named: set[str] = set()
    waiting: list[JsonValue] = [body]
    while waiting:
        value = waiting.pop()
        digest = blob_digest(value)
        if digest is not None:
            named.add(digest)
        elif isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return named


def _loads(data: bytes, digest: str) -> JsonValue:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        pass  # an integer beyond 64 bits or a lone surrogate, which orjson does not read
    try:
        return cast("JsonValue", json.loads(data))
    except ValueError:
        raise BlobError(f"blob {digest}: not JSON") from None
