"""The frames of the journal: a kind, a length and a CRC-32 before every payload.

A frame of length 0 does not exist, so a zero-filled tail (preallocated space, or what a power cut leaves) ends a scan.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

_HEAD: Final = struct.Struct("<BI")  # kind, length
_CRC: Final = struct.Struct("<I")
HEADER_SIZE: Final = _HEAD.size + _CRC.size
MAX_PAYLOAD: Final = 64 * 1024 * 1024


class FrameKind(IntEnum):
    """What a payload is."""

    SEGMENT = 1  # JSON: the first frame of every segment
    LINE = 2  # one line of a transcript, without its newline
    BLOB = 3  # the bytes of a blob


_KINDS: Final = {int(kind): kind for kind in FrameKind}


@dataclass(frozen=True, slots=True)
class Frame:
    """A whole frame; ``end`` is the offset just past it."""

    kind: FrameKind
    payload: bytes
    end: int


def encode_frame(kind: FrameKind, payload: bytes) -> bytes:
    """One frame. Raises ValueError for an empty or oversized payload."""
    if not 0 < len(payload) <= MAX_PAYLOAD:
        raise ValueError(f"a frame holds 1 to {MAX_PAYLOAD} bytes, not {len(payload)}")
    head = _HEAD.pack(kind, len(payload))
    return b"".join((head, _CRC.pack(zlib.crc32(payload, zlib.crc32(head))), payload))


def scan(data: bytes, offset: int = 0) -> Iterator[Frame]:
    """The whole frames from ``offset`` on, up to the first that is not whole."""
    size = len(data)
    while offset + HEADER_SIZE <= size:
        number, length = _HEAD.unpack_from(data, offset)
        kind = _KINDS.get(number)
        start = offset + HEADER_SIZE
        end = start + length
        if not 0 < length <= MAX_PAYLOAD or end > size or kind is None:
            return
        payload = data[start:end]
        (crc,) = _CRC.unpack_from(data, offset + _HEAD.size)
        if zlib.crc32(payload, zlib.crc32(data[offset : offset + _HEAD.size])) != crc:
            return
        yield Frame(kind, payload, end)
        offset = end
