"""Telling vectors of numbers from everything else."""

from __future__ import annotations

import json
import random
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gloveport.guardrails.masking.vectors import as_vector, is_vector_type

RNG = random.Random(8)
NUMBERS = [RNG.gauss(0, 0.1) for _ in range(32)]


@pytest.mark.parametrize(
    "kept",
    [
        NUMBERS,
        tuple(NUMBERS),
        np.array(NUMBERS),
        struct.pack("<32f", *NUMBERS),
        struct.pack("<32d", *NUMBERS),
        bytearray(struct.pack("<32f", *NUMBERS)),
        json.dumps(NUMBERS),
        "{" + ",".join(map(str, NUMBERS)) + "}",  # PostgreSQL's array text
        "{" + ",".join(f"{i}:{x}" for i, x in enumerate(NUMBERS, 1)) + "}/30000",  # pgvector's sparsevec
        f'(label,"{json.dumps(NUMBERS)}",7)',  # a row
        '{"' + json.dumps(NUMBERS) + '","[1,2,3]"}',  # an array of vectors
    ],
    ids=["list", "tuple", "numpy", "float32", "float64", "bytearray", "json", "array text", "sparse", "row", "vectors"],
)
def test_vectors(kept: object) -> None:
    found = as_vector(kept)
    assert found is not None
    np.testing.assert_allclose(found, NUMBERS, atol=1e-6)


@pytest.mark.parametrize(
    "kept",
    [
        [52.1, 13.4],  # a place
        list(range(40)),  # keys
        "[1, 2, 3, 4, 5, 6, 7, 8, 9]",
        '{"a": 1.5}',
        "[not numbers at all, not one]",
        b"\x89PNG\r\n\x1a\n" + bytes(64),
        b"x" * 64,
        bytes(64),
        "hello",
        None,
        4.5,
        [True] * 20,
        ["0.1"] * 20,
        "{1:0.5,2:0.25,3:0.125}/5",  # as short as a place
        "{1:" + "1:" * 4000 + "}/9000",
        "(not a vector, only some words in brackets)",
    ],
)
def test_what_is_no_vector(kept: object) -> None:
    assert as_vector(kept) is None


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=128, max_size=128))
def test_random_bytes_are_hardly_ever_vectors(data: bytes) -> None:
    assert as_vector(data) is None or len(set(data)) < 40


@pytest.mark.parametrize(
    "type_",
    [
        "vector(3)",
        "VECTOR",
        "halfvec(1536)",
        "sparsevec(30000)",
        "public.vector(3)[]",
        '"my extensions".halfvec',
        "public.chunk(label text, v extensions.vector(3))",
        "bit(384)",
        "bit varying(1024)",
        "real[]",
        "double precision[]",
        "float8[]",
        "FLOAT[384]",
    ],
)
def test_types_of_vectors(type_: str) -> None:
    assert is_vector_type(type_)


@pytest.mark.parametrize(
    "type_",
    [
        *(
            "text",
            "tsvector",
            "integer[]",
            "text[]",
            "double precision",
            "",
            "json",
            "numeric(8,2)",
            "bit(8)",
            "bit(64)",
        ),
        *("public.embedding_state", "enum('raster','vector')", "public.place(street text, code text)"),
    ],
)
def test_other_types(type_: str) -> None:
    assert not is_vector_type(type_)
