"""FF1, the format-preserving cipher of NIST SP 800-38G (Rev. 1, second public draft, section 5.1): exact and
vectorised.

`FF1.encrypt` and `FF1.decrypt` are the exact scalar form, for any radix and length the standard allows. Numerals may be
given as a list, or as the one integer they spell in the radix.

`FF1.encrypt_halves` is the vectorised form for columns: ten rounds over whole arrays, each round one AES-ECB call. In a
round only the last block of Q changes (the round number and B, as long as B takes at most 12 bytes); everything
before it is one CBC-MAC state, computed once per call. It gives the same numbers as the scalar form.

Domains smaller than 10^6 are refused, as the standard demands: see `permutation` for those.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from cryptography.hazmat.primitives.ciphers import AEADEncryptionContext, CipherContext

    Words = npt.NDArray[np.uint64]

SMALLEST_DOMAIN: Final = 1_000_000
LARGEST_RADIX: Final = 1 << 16
ROUNDS: Final = 10
CHUNK: Final = 1 << 14  # values per pass of the vectorised form: its buffers stay in the cache
_WORD: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class _Shape:
    """All that depends on radix and length alone; names as in SP 800-38G."""

    n: int
    u: int
    v: int
    modulus_u: int
    modulus_v: int
    b: int  # bytes of NUM(B)
    d: int  # bytes of y


class FF1:
    """One key and one radix. Safe to use from several threads.

    Args:
        key: an AES key of 16, 24 or 32 bytes.
        radix: 2 to 65,536.

    Raises:
        ValueError: for any other key or radix.
    """

    def __init__(self, key: bytes, radix: int) -> None:
        if len(key) not in (16, 24, 32):
            raise ValueError("an AES key has 16, 24 or 32 bytes")
        if not 2 <= radix <= LARGEST_RADIX:
            raise ValueError("radix must be 2 to 65536")
        self.radix = radix
        self._key = key
        self._digit_bits = radix.bit_length() - 1 if radix & (radix - 1) == 0 else 0  # 0: not a power of two
        self._shapes: dict[int, _Shape] = {}
        self._states: dict[tuple[int, int], int] = {}
        self._kept: dict[tuple[int, bool], _Constants] = {}
        self._local = threading.local()

    # The exact scalar form

    def encrypt(self, numerals: Sequence[int], tweak: bytes = b"") -> list[int]:
        """Encrypt a numeral string. Raises ValueError for a numeral beyond the radix and for too small a domain."""
        return self._spelt(self.encrypt_number(self._number(numerals), len(numerals), tweak), len(numerals))

    def decrypt(self, numerals: Sequence[int], tweak: bytes = b"") -> list[int]:
        """The inverse of `encrypt`."""
        return self._spelt(self.decrypt_number(self._number(numerals), len(numerals), tweak), len(numerals))

    def encrypt_number(self, number: int, length: int, tweak: bytes = b"") -> int:
        """Encrypt the numeral string of that length which spells ``number``."""
        shape = self._shape(length)
        prefix, state = self._scalar_state(shape, tweak)
        a, b = divmod(self._checked(number, shape), shape.modulus_v)
        for i in range(ROUNDS):
            modulus = shape.modulus_v if i & 1 else shape.modulus_u
            a, b = b, (a + self._round(shape, prefix, state, i, b)) % modulus
        return a * shape.modulus_v + b

    def decrypt_number(self, number: int, length: int, tweak: bytes = b"") -> int:
        """The inverse of `encrypt_number`."""
        shape = self._shape(length)
        prefix, state = self._scalar_state(shape, tweak)
        a, b = divmod(self._checked(number, shape), shape.modulus_v)
        for i in reversed(range(ROUNDS)):
            modulus = shape.modulus_v if i & 1 else shape.modulus_u
            a, b = (b - self._round(shape, prefix, state, i, a)) % modulus, a
        return a * shape.modulus_v + b

    # The vectorised form

    def fits_vector(self, length: int) -> bool:
        """Whether strings of this length can take the vectorised form."""
        shape = self._shape(length)
        return shape.modulus_v <= (1 << 96 if self._digit_bits else 1 << 56)

    def halves_are_wide(self, length: int) -> bool:
        """Whether the halves of strings of this length need two words each."""
        return self._shape(length).modulus_v > 1 << 64

    def encrypt_numbers(self, numbers: Sequence[int], length: int, tweaks: Sequence[int] | None = None) -> list[int]:
        """Encrypt many numbers of one length: vectorised where that pays and fits, else one by one.

        ``tweaks`` are 8-byte tweaks as integers, one per number; without them the tweak is empty.
        """
        if len(numbers) < 4 or not self.fits_vector(length):
            if tweaks is None:
                return [self.encrypt_number(x, length) for x in numbers]
            return [self.encrypt_number(x, length, t.to_bytes(8, "big")) for x, t in zip(numbers, tweaks, strict=True)]
        import numpy as np

        shape = self._shape(length)
        self._checked(min(numbers), shape)
        self._checked(max(numbers), shape)
        tweak = None if tweaks is None else np.array(tweaks, dtype=np.uint64)
        if shape.modulus_u * shape.modulus_v <= 1 << 64:
            return _listed(self._word_array(np.array(numbers, dtype=np.uint64), shape, tweak, decrypt=False))
        halves = [divmod(x, shape.modulus_v) for x in numbers]
        if shape.modulus_v > 1 << 64:
            words = [(a >> 64, a & _WORD, b >> 64, b & _WORD) for a, b in halves]
            a1, a0, b1, b0 = (np.array(column, dtype=np.uint64) for column in zip(*words, strict=True))
            a1, a0, b1, b0 = self.encrypt_wide_halves((a1, a0), (b1, b0), length, tweak)
            left = [(h << 64) | low for h, low in zip(_listed(a1), _listed(a0), strict=True)]
            right = [(h << 64) | low for h, low in zip(_listed(b1), _listed(b0), strict=True)]
        else:
            a, b = (np.array(column, dtype=np.uint64) for column in zip(*halves, strict=True))
            a, b = self.encrypt_halves(a, b, length, tweak)
            left, right = _listed(a), _listed(b)
        return [a * shape.modulus_v + b for a, b in zip(left, right, strict=True)]

    def encrypt_array(self, numbers: Words, length: int) -> Words:
        """Encrypt an array of numbers below ``radix ** length``, which must be at most 2^64; the tweak is empty."""
        return self._array(numbers, length, decrypt=False)

    def decrypt_array(self, numbers: Words, length: int) -> Words:
        """The inverse of `encrypt_array`."""
        return self._array(numbers, length, decrypt=True)

    def encrypt_halves(
        self, a: Words, b: Words, length: int, tweaks: Words | None = None, *, decrypt: bool = False
    ) -> tuple[Words, Words]:
        """Encrypt numeral strings given as their halves: ``a`` spells the first ``length // 2`` numerals, ``b`` the
        rest.

        Both must be below ``radix`` to the power of their length, and fit a word each. ``tweaks`` are 8-byte tweaks as
        words, one per value. Arrays in and out have one dimension; nothing is changed in place.

        Raises:
            ValueError: the halves do not fit a word, or the domain is too small.
        """
        import numpy as np

        shape = self._shape(length)
        if not self.fits_vector(length) or shape.modulus_v > 1 << 64:
            raise ValueError("the halves do not fit one word each")
        out_a, out_b = np.empty(len(a), np.uint64), np.empty(len(b), np.uint64)
        for start in range(0, len(a), CHUNK):
            part = slice(start, start + CHUNK)
            rounds = _Rounds(self, shape, len(a[part]), None if tweaks is None else tweaks[part])
            out_a[part], out_b[part] = rounds.run(a[part], b[part], decrypt=decrypt)
        return out_a, out_b

    def encrypt_wide_halves(
        self, a: tuple[Words, Words], b: tuple[Words, Words], length: int, tweaks: Words | None = None
    ) -> tuple[Words, Words, Words, Words]:
        """As `encrypt_halves`, for halves of up to 96 bits given as (high, low) words; the radix is a power of two.

        Returns the four words in the order high and low of the first, high and low of the second half.
        """
        import numpy as np

        shape = self._shape(length)
        if not self._digit_bits or not 1 << 64 < shape.modulus_v <= 1 << 96:
            raise ValueError("the halves do not fit two words each")
        out = tuple(np.empty(len(a[0]), np.uint64) for _ in range(4))
        for start in range(0, len(a[0]), CHUNK):
            part = slice(start, start + CHUNK)
            rounds = _Rounds(self, shape, len(a[0][part]), None if tweaks is None else tweaks[part])
            done = rounds.run_wide((a[0][part], a[1][part]), (b[0][part], b[1][part]))
            for target, words in zip(out, done, strict=True):
                target[part] = words
        return cast("tuple[Words, Words, Words, Words]", out)

    def _array(self, numbers: Words, length: int, *, decrypt: bool) -> Words:
        shape = self._shape(length)
        if self.radix**length > 1 << 64:
            raise ValueError("numbers of this length do not fit a word")
        if len(numbers) and self.radix**length <= _WORD and int(numbers.max()) >= self.radix**length:
            raise ValueError("a number is beyond its length")
        return self._word_array(numbers, shape, None, decrypt=decrypt)

    def _word_array(self, numbers: Words, shape: _Shape, tweaks: Words | None, *, decrypt: bool) -> Words:
        import numpy as np

        modulus = np.uint64(shape.modulus_v)
        a = numbers // modulus
        b = numbers - a * modulus
        a, b = self.encrypt_halves(a, b, shape.n, tweaks, decrypt=decrypt)
        return a * modulus + b

    # Below: the standard's steps

    def _shape(self, n: int) -> _Shape:
        if (known := self._shapes.get(n)) is not None:
            return known
        if not 2 <= n < 1 << 32:
            raise ValueError("a numeral string has 2 to 2^32 - 1 numerals")
        if n < 20 and self.radix**n < SMALLEST_DOMAIN:
            raise ValueError("the domain is smaller than 10^6")
        u = n // 2
        v = n - u
        modulus_v = self.radix**v
        b = ((modulus_v - 1).bit_length() + 7) // 8  # from the integer: log2 in floating point errs
        shape = _Shape(n, u, v, self.radix**u, modulus_v, b, 4 * ((b + 3) // 4) + 4)
        self._shapes[n] = shape
        return shape

    def _checked(self, number: int, shape: _Shape) -> int:
        if not 0 <= number < shape.modulus_u * shape.modulus_v:
            raise ValueError("a number is beyond its length")
        return number

    def _p_block(self, shape: _Shape, tweak_bytes: int) -> bytes:
        return (
            b"\x01\x02\x01"
            + self.radix.to_bytes(3, "big")
            + bytes((ROUNDS, shape.u & 0xFF))
            + shape.n.to_bytes(4, "big")
            + tweak_bytes.to_bytes(4, "big")
        )

    def _scalar_state(self, shape: _Shape, tweak: bytes) -> tuple[bytes, int]:
        """The part of Q before the round number that shares a block with it, and the CBC-MAC state before that."""
        state = self._states.get((shape.n, len(tweak)))
        if state is None:
            state = int.from_bytes(self.ecb(self._p_block(shape, len(tweak))), "big")
            self._states[shape.n, len(tweak)] = state
        prefix = tweak + bytes(-(len(tweak) + shape.b + 1) % 16)
        while len(prefix) >= 16:
            state = int.from_bytes(self.ecb((state ^ int.from_bytes(prefix[:16], "big")).to_bytes(16, "big")), "big")
            prefix = prefix[16:]
        return prefix, state

    def _round(self, shape: _Shape, prefix: bytes, state: int, i: int, half: int) -> int:
        q = prefix + bytes((i,)) + half.to_bytes(shape.b, "big")
        r = b""
        for at in range(0, len(q), 16):
            r = self.ecb((state ^ int.from_bytes(q[at : at + 16], "big")).to_bytes(16, "big"))
            state = int.from_bytes(r, "big")
        s = r
        for j in range(1, (shape.d + 15) // 16):
            s += self.ecb((state ^ j).to_bytes(16, "big"))
        return int.from_bytes(s[: shape.d], "big")

    def ecb(self, blocks: bytes) -> bytes:
        """AES over whole blocks; a context per thread, because contexts must not be shared."""
        return self.context().update(blocks)

    def context(self) -> CipherContext | AEADEncryptionContext:
        """This thread's AES-ECB context."""
        known = cast("CipherContext | None", getattr(self._local, "context", None))
        if known is not None:
            return known
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        made = Cipher(algorithms.AES(self._key), modes.ECB()).encryptor()  # noqa: S305 - the block cipher of FF1 itself
        self._local.context = made
        return made

    def constants(self, shape: _Shape, *, tweaked: bool) -> _Constants:
        """The constants of the vectorised rounds, kept per shape."""
        if (known := self._kept.get((shape.n, tweaked))) is not None:
            return known
        state = self.ecb(self._p_block(shape, 8 if tweaked else 0))
        made = _constants(shape, state, powers_of_two=bool(self._digit_bits))
        self._kept[shape.n, tweaked] = made
        return made

    def _number(self, numerals: Sequence[int]) -> int:
        number = 0
        for numeral in numerals:
            if not 0 <= numeral < self.radix:
                raise ValueError("a numeral is beyond the radix")
            number = number * self.radix + numeral
        return number

    def _spelt(self, number: int, length: int) -> list[int]:
        numerals = [0] * length
        for i in range(length - 1, -1, -1):
            number, numerals[i] = divmod(number, self.radix)
        return numerals


class _Rounds:
    """The ten rounds over arrays of one length, with their buffers.

    A block is kept as two big-endian words. The state is what the last block is mixed with before AES: the CBC-MAC
    so far, with the rest of the tweak and the number of the round in their places.
    """

    def __init__(self, cipher: FF1, shape: _Shape, count: int, tweaks: Words | None) -> None:
        import numpy as np

        self._np = np
        self._shape = shape
        self._context = cipher.context()
        self._constants = cipher.constants(shape, tweaked=tweaks is not None)
        self._q = np.empty((count, 2), ">u8")
        self._q_high, self._q_low = self._q[:, 0], self._q[:, 1]
        self._q_bytes = self._q.data.cast("B") if count else memoryview(b"")
        self._r = bytearray(16 * count + 16)
        self._mixed = np.empty(count, np.uint64)
        self._high, self._low = self._states(tweaks)
        words = np.frombuffer(self._r, ">u8", 2 * count).reshape(count, 2)
        # y is the first d bytes of R, as a number: its lowest word, and what is above that.
        if shape.d == 8:
            self._y0, self._y1 = words[:, 0], None
        elif shape.d == 12:
            self._y0 = np.ndarray((count,), ">u8", self._r, 4, (16,))
            self._y1 = np.ndarray((count,), ">u4", self._r, 0, (16,))
        else:
            self._y0, self._y1 = words[:, 1], words[:, 0]

    def _states(self, tweaks: Words | None) -> tuple[Sequence[Words], Sequence[Words]]:
        """High and low words of the state, by round: one for all values, or one per value."""
        np, constants = self._np, self._constants
        if tweaks is None:  # Q is one block: zeros, the round number, B
            return constants.high, constants.low
        if 8 + 1 + self._shape.b <= 16:  # the tweak shares that block
            mixed = constants.high[0] ^ tweaks
            return [mixed] * ROUNDS, constants.low
        # It has a block of its own, the same in all rounds.
        self._q_high[:], self._q_low[:] = constants.bare_high ^ tweaks, constants.bare_low
        self._encrypt()
        done = np.frombuffer(self._r, ">u8", self._q.size).reshape(self._q.shape)
        high, low = done[:, 0].astype(np.uint64), done[:, 1].astype(np.uint64)
        return [high ^ n for n in constants.number_high], [low ^ n for n in constants.number_low]

    def _encrypt(self) -> None:
        self._context.update_into(self._q_bytes, self._r)

    def run(self, a: Words, b: Words, *, decrypt: bool) -> tuple[Words, Words]:
        np, constants, mixed = self._np, self._constants, self._mixed
        number_in_high = self._shape.b >= 8
        self._q_high[:] = self._high[0]
        for i in reversed(range(ROUNDS)) if decrypt else range(ROUNDS):
            known, changed = (a, b) if decrypt else (b, a)
            if number_in_high:
                self._q_high[:] = self._high[i]
            np.bitwise_xor(known, self._low[i], out=mixed)
            self._q_low[:] = mixed
            self._encrypt()
            modulus = constants.moduli[i & 1]
            if constants.powers_of_two:  # words wrap, and 2^k divides 2^64
                fresh = self._y0.astype(np.uint64)
                if decrypt:
                    np.subtract(changed, fresh, out=fresh)
                else:
                    fresh += changed
                fresh &= modulus
            else:
                fresh = self._reduced(modulus, constants.bits[i & 1])
                if decrypt:
                    np.subtract(modulus, fresh, out=fresh)
                fresh += changed
                np.subtract(fresh, modulus, out=mixed)
                np.minimum(fresh, mixed, out=fresh)  # where fresh < m, the difference wrapped and is huge
            a, b = (fresh, a) if decrypt else (b, fresh)
        return a, b

    def _reduced(self, m: Words, bits: int) -> Words:
        """y mod m, exactly: by Horner's rule in steps that cannot overflow a word."""
        np = self._np
        low = self._y0.astype(np.uint64)
        if self._y1 is None:
            low %= m
            return low
        rest = self._y1.astype(np.uint64) % m
        step = 32 if bits <= 32 else 16 if bits <= 48 else 8
        mask = np.uint64((1 << step) - 1)
        for shift in range(64 - step, -1, -step):
            rest = ((rest << np.uint64(step)) | ((low >> np.uint64(shift)) & mask)) % m
        return rest

    def run_wide(self, a: tuple[Words, Words], b: tuple[Words, Words]) -> tuple[Words, Words, Words, Words]:
        np, constants, mixed = self._np, self._constants, self._mixed
        assert self._y1 is not None
        for i in range(ROUNDS):
            np.bitwise_xor(b[0], self._high[i], out=mixed)
            self._q_high[:] = mixed
            np.bitwise_xor(b[1], self._low[i], out=mixed)
            self._q_low[:] = mixed
            self._encrypt()
            fresh_low = self._y0.astype(np.uint64)
            fresh_low += a[1]
            fresh_high = self._y1.astype(np.uint64)
            fresh_high += a[0]
            fresh_high += fresh_low < a[1]  # the carry
            fresh_high &= constants.moduli[i & 1]
            fresh_low &= constants.low_masks[i & 1]
            a, b = b, (fresh_high, fresh_low)
        return a[0], a[1], b[0], b[1]


@dataclass(frozen=True, slots=True)
class _Constants:
    """What the vectorised rounds of a shape need, as arrays of one word each.

    ``moduli`` and ``bits`` are those of u and of v; for a power of two the moduli are masks, of the high words where
    the halves are wide, and ``low_masks`` those of their low words. ``bare`` is the CBC-MAC state of the block P,
    ``number`` the number of each round in its place, ``high`` and ``low`` both together.
    """

    powers_of_two: bool
    moduli: tuple[Words, Words]
    low_masks: tuple[Words, Words]
    bits: tuple[int, int]
    bare_high: Words
    bare_low: Words
    number_high: tuple[Words, ...]
    number_low: tuple[Words, ...]
    high: tuple[Words, ...]
    low: tuple[Words, ...]


def _constants(shape: _Shape, state: bytes, *, powers_of_two: bool) -> _Constants:
    import numpy as np

    def word(value: int) -> Words:
        return np.array([value], np.uint64)

    def modulus(m: int) -> Words:
        if not powers_of_two:
            return word(m)
        return word((m - 1) >> 64 if shape.modulus_v > 1 << 64 else m - 1)

    numbers = [i << 8 * shape.b for i in range(ROUNDS)]
    bare_high, bare_low = word(int.from_bytes(state[:8], "big")), word(int.from_bytes(state[8:], "big"))
    number_high = tuple(word(number >> 64) for number in numbers)
    number_low = tuple(word(number & _WORD) for number in numbers)
    return _Constants(
        powers_of_two=powers_of_two,
        moduli=(modulus(shape.modulus_u), modulus(shape.modulus_v)),
        low_masks=(word((shape.modulus_u - 1) & _WORD), word((shape.modulus_v - 1) & _WORD)),
        bits=((shape.modulus_u - 1).bit_length(), (shape.modulus_v - 1).bit_length()),
        bare_high=bare_high,
        bare_low=bare_low,
        number_high=number_high,
        number_low=number_low,
        high=tuple(bare_high ^ n for n in number_high),
        low=tuple(bare_low ^ n for n in number_low),
    )


def _listed(words: Words) -> list[int]:
    return cast("list[int]", words.tolist())
