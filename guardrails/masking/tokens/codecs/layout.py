"""The digits of a written number and everything around them, apart."""

from __future__ import annotations

from typing import Final, NamedTuple

_HOLES: Final = str.maketrans({**{str(digit): "%s" for digit in range(10)}, "%": "%%"})
_NO_SEPARATORS: Final = str.maketrans("", "", "".join(map(chr, (*range(48), *range(58, 128)))))


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
