"""A small database of addresses, written as the MaxMind DB format says (version 2.0)."""

import ipaddress
import struct
from pathlib import Path
from typing import Any


def write_mmdb(path: Path, networks: dict[str, Any]) -> Path:
    """Write IPv4 networks and what is told of each."""
    nodes: list[list[Any]] = [[None, None]]
    for network, record in networks.items():
        parsed = ipaddress.IPv4Network(network)
        bits = f"{int(parsed.network_address):032b}"[: parsed.prefixlen]
        node = 0
        for bit in bits[:-1]:
            if nodes[node][int(bit)] is None:
                nodes.append([None, None])
                nodes[node][int(bit)] = len(nodes) - 1
            node = nodes[node][int(bit)]
        nodes[node][int(bits[-1])] = ("data", record)
    data, tree = b"", b""
    for pair in nodes:
        for target in pair:
            number = len(nodes) if target is None else target
            if isinstance(target, tuple):
                number = len(nodes) + 16 + len(data)
                data += _encoded(target[1])
            tree += struct.pack(">I", number)
    described = {
        "node_count": (32, len(nodes)),
        "record_size": (16, 32),
        "ip_version": (16, 4),
        "database_type": "Test-Country",
        "languages": ["en"],
        "binary_format_major_version": (16, 2),
        "binary_format_minor_version": (16, 0),
        "build_epoch": (64, 1),
        "description": {"en": "test"},
    }
    path.write_bytes(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _encoded(described))
    return path


def _encoded(value: Any) -> bytes:
    if isinstance(value, str):
        text = value.encode()
        return bytes([2 << 5 | len(text)]) + text
    if isinstance(value, dict):
        return bytes([7 << 5 | len(value)]) + b"".join(_encoded(key) + _encoded(each) for key, each in value.items())
    if isinstance(value, list):
        return bytes([len(value), 11 - 7]) + b"".join(_encoded(each) for each in value)
    bits, number = value
    kind = {16: bytes([5 << 5 | 2]), 32: bytes([6 << 5 | 4]), 64: bytes([8, 9 - 7])}[bits]
    return kind + int(number).to_bytes(bits // 8, "big")
