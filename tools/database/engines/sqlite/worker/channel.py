"""Frames to and from the server: a length of four bytes, then JSON; rows follow the head after a line end."""

from __future__ import annotations

import json
import os
from binascii import a2b_base64, b2a_base64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Stop(Exception):
    """The request ends with this answer."""

    def __init__(self, kind: str, **more: object) -> None:
        super().__init__(kind)
        self.answer: dict[str, Any] = {"error": kind, **more}


class Encoder(json.JSONEncoder):
    found_bytes = False  # since somebody set it back: the reader need not look for them where there are none

    def default(self, o: object) -> object:
        if isinstance(o, bytes):
            self.found_bytes = True
            return {"b": b2a_base64(o, newline=False).decode()}
        return super().default(o)


ENCODER = Encoder(ensure_ascii=False, separators=(",", ":"))


class Channel:
    """The one socket of this process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def receive(self) -> dict[str, Any]:
        size = int.from_bytes(self._exactly(4), "big")
        return json.loads(self._exactly(size))

    def send(self, message: object) -> None:
        body = message if isinstance(message, bytes) else ENCODER.encode(message).encode()
        view = memoryview(len(body).to_bytes(4, "big") + body)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def _exactly(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            part = os.read(self._descriptor, size - len(parts))
            if not part:
                os._exit(0)  # the server is gone
            parts += part
        return bytes(parts)


def plain(values: list[Any]) -> list[Any]:
    """Parameters as they came in JSON: a dictionary stands for bytes."""
    return [a2b_base64(values[i]["b"]) if type(value) is dict else value for i, value in enumerate(values)]
