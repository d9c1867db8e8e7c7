"""CRC-32C (Castagnoli), as RFC 3720 appendix B.4 has it: the checksum of payloads."""

from __future__ import annotations

_POLYNOMIAL = 0x82F63B78
"""Bits reversed."""


def _entry(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE = tuple(_entry(byte) for byte in range(256))


def crc32c(data: bytes) -> int:
    checksum = 0xFFFFFFFF
    for byte in data:
        checksum = checksum >> 8 ^ _TABLE[(checksum ^ byte) & 0xFF]
    return checksum ^ 0xFFFFFFFF
