from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gloveport.recordings.frames import MAX_PAYLOAD, FrameKind, encode_frame, scan

FRAMES = st.lists(st.tuples(st.sampled_from(FrameKind), st.binary(min_size=1, max_size=40)), max_size=6)


def joined(frames: list[tuple[FrameKind, bytes]]) -> bytes:
    return b"".join(encode_frame(kind, payload) for kind, payload in frames)


@given(FRAMES, st.sampled_from([b"", b"\0" * 64, b"\1", b"\2\5\0\0\0abcdhello"]))
def test_frames_are_read_up_to_what_is_no_frame(frames: list[tuple[FrameKind, bytes]], tail: bytes) -> None:
    data = joined(frames)
    read = list(scan(data + tail))
    assert [(frame.kind, frame.payload) for frame in read] == frames
    assert read[-1].end == len(data) if read else True


@given(FRAMES.filter(bool), st.data())
def test_a_cut_loses_only_what_it_cuts(frames: list[tuple[FrameKind, bytes]], data: st.DataObject) -> None:
    whole = joined(frames)
    cut = data.draw(st.integers(0, len(whole)))
    kept = list(scan(whole[:cut]))
    assert [(frame.kind, frame.payload) for frame in kept] == frames[: len(kept)]
    after = len(joined(frames[: len(kept) + 1]))
    assert cut < after or len(kept) == len(frames)


@given(FRAMES.filter(bool), st.data())
def test_a_flipped_bit_ends_the_scan_before_its_frame(
    frames: list[tuple[FrameKind, bytes]], data: st.DataObject
) -> None:
    whole = bytearray(joined(frames))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    for frame in scan(bytes(whole)):
        assert frame.end <= place


@pytest.mark.parametrize("payload", [b"", bytes(MAX_PAYLOAD + 1)], ids=["empty", "oversized"])
def test_a_frame_holds_something_and_not_too_much(payload: bytes) -> None:
    with pytest.raises(ValueError, match="a frame holds"):
        encode_frame(FrameKind.LINE, payload)
