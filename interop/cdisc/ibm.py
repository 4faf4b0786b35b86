"""IBM System/360 double precision floats, the numbers of SAS Transport v5 (SAS technical note TS-140).

A sign bit, seven bits of a power of 16 (biased by 64), 56 bits of fraction. Every IEEE double within its
range is exact in it. A missing value is its letter ("." "_" "A".."Z") followed by zero bytes.
"""

import numpy as np
from numpy.typing import NDArray

LARGEST = float.fromhex("0x0.fffffffffffff8p+252")
SMALLEST = 16.0**-65  # of those above 0
BIAS = 64
MISSING = ord(".")
LETTERS = "_ABCDEFGHIJKLMNOPQRSTUVWXYZ"

_FRACTION = np.uint64((1 << 56) - 1)
_POWERS = np.ldexp(1.0, 4 * (np.arange(128) - BIAS) - 56)
_SPECIAL = np.isin(np.arange(256), [ord(letter) for letter in LETTERS])
_ABSENT = _SPECIAL | (np.arange(256) == MISSING)


def encode(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """IBM floats, as big-endian words, of IEEE doubles; NaN is the missing value ".".

    A magnitude below `SMALLEST` is 0. The caller refuses it, and what is above `LARGEST`.
    """
    bits = values.view(np.uint64)
    exponent = ((bits >> np.uint64(52)).astype(np.int32) & 0x7FF) - 1023
    mantissa = bits & np.uint64((1 << 52) - 1) | np.uint64(1 << 52)
    power = (exponent >> 2) + 1
    fraction = mantissa << (exponent - 4 * power + 4).astype(np.uint64)
    sign = bits & np.uint64(1 << 63)
    words = sign | ((power + BIAS).astype(np.uint64) << np.uint64(56)) | fraction
    words[power < -BIAS] = 0
    words[np.isnan(values)] = MISSING << 56
    coded: NDArray[np.uint64] = words.astype(">u8")
    return coded


def decode(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """IEEE doubles of big-endian IBM words; missing values are NaN (see `letters`)."""
    native = words.astype(np.uint64)
    fraction = native & _FRACTION
    scale = _POWERS[((native >> np.uint64(56)) & np.uint64(0x7F)).astype(np.intp)]
    values = fraction.astype(np.float64) * scale
    values = np.where(native >> np.uint64(63) == 1, -values, values)
    return np.where((fraction == 0) & _ABSENT[native >> np.uint64(56)], np.nan, values)


def letters(words: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """The letter of each special missing value, 0 where there is a number or the common "."."""
    native = words.astype(np.uint64)
    first = (native >> np.uint64(56)).astype(np.uint8)
    return np.where(((native & _FRACTION) == 0) & _SPECIAL[first], first, np.uint8(0))
