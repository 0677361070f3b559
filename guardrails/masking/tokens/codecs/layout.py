"""The digits of a written number and everything around them, apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

_HOLES: Final = str.maketrans({**{str(digit): "%s" for digit in range(10)}, "%": "%%"})
_ZERO, _NINE = 48, 57
_DIGITS_BY_LINE: Final = str.maketrans("", "", "".join(map(chr, (*range(10), *range(11, 48), *range(58, 128)))))
_NO_SEPARATORS: Final = str.maketrans("", "", "".join(map(chr, (*range(48), *range(58, 128)))))


def digits_of(texts: Sequence[str]) -> list[str]:
    """The digits of each text. ASCII texts without line ends only, as for `filled`."""
    return "\n".join(texts).translate(_DIGITS_BY_LINE).split("\n")


def filled(texts: Sequence[str], digits: Sequence[str]) -> list[str]:
    """Each text with these digits in the places of its own, as many as there were."""
    import numpy as np

    written = np.frombuffer("\n".join(texts).encode("ascii"), np.uint8).copy()
    written[(written >= _ZERO) & (written <= _NINE)] = np.frombuffer("".join(digits).encode("ascii"), np.uint8)
    return written.tobytes().decode("ascii").split("\n")


class Layout(NamedTuple):
    """``filled`` puts other digits into the places of the first ones: separators are never lost. ASCII texts only."""

    text: str
    digits: str

    @classmethod
    def of(cls, text: str) -> Layout:
        return cls(text, text if text.isdigit() else text.translate(_NO_SEPARATORS))

    def filled(self, digits: str) -> str:
        """The text with these digits, as many as there were."""
        if len(self.text) == len(self.digits):
            return digits
        return self.text.translate(_HOLES) % tuple(digits)
