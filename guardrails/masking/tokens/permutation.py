"""Keyed permutation tables for domains too small for FF1 (Black and Rogaway, 2002: the prefix cipher).

The position of x is the rank of AES(x) among the AES values of the whole domain: a pseudorandom permutation, exactly,
without the weaknesses of a Feistel network over few values. What stays is that of every small domain: whoever sees many
pairs holds a part of the codebook.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from .ff1 import SMALLEST_DOMAIN

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LARGEST: Final = SMALLEST_DOMAIN


class Permutation:
    """A permutation of ``range(size)`` under a key. The table is built at first use: 7 ms for a century of days.

    Raises:
        ValueError: ``size`` is not 1 to 10^6, or the key is no AES key.
    """

    def __init__(self, key: bytes, size: int) -> None:
        if not 1 <= size <= LARGEST:
            raise ValueError("a permutation table takes 1 to 10^6 values")
        if len(key) not in (16, 24, 32):
            raise ValueError("an AES key has 16, 24 or 32 bytes")
        self.size = size
        self._key = key

    def forward(self, value: int) -> int:
        """Where ``value`` goes. Raises IndexError outside the domain."""
        return int(self.table[self._inside(value)])

    def backward(self, value: int) -> int:
        """What goes to ``value``. Raises IndexError outside the domain."""
        return int(self.inverse[self._inside(value)])

    @cached_property
    def inverse(self) -> npt.NDArray[np.int64]:
        """Values by their rank."""
        import numpy as np
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        blocks = np.zeros((self.size, 2), ">u8")
        blocks[:, 1] = np.arange(self.size, dtype=np.uint64)
        encryptor = Cipher(algorithms.AES(self._key), modes.ECB()).encryptor()  # noqa: S305 - AES as a PRP on counters
        words = np.frombuffer(encryptor.update(blocks.tobytes()), ">u8").reshape(self.size, 2)
        return np.lexsort((words[:, 1], words[:, 0]))

    @cached_property
    def table(self) -> npt.NDArray[np.int64]:
        """Where each value goes."""
        import numpy as np

        table = np.empty(self.size, np.int64)
        table[self.inverse] = np.arange(self.size)
        return table

    def _inside(self, value: int) -> int:
        if not 0 <= value < self.size:
            raise IndexError("outside the domain")
        return value
