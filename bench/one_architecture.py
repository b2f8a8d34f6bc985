#!/usr/bin/env python3
"""Blanks the machine code of all GPUs but one kind in a library with CUDA kernels, so that it compresses to a fraction.

  one_architecture.py LIBRARY ARCHITECTURE      90 for sm_90 (H100, H200)

A library holds fat binaries: containers (magic, version, header size, size of what follows) of entries (kind, version, header
size, payload size, ..., architecture at byte 28), each of which is the kernels of a source file for one architecture. Payloads
of other architectures become zeros; nothing moves."""
import struct
import sys

MAGIC = struct.pack('<IHH', 0xBA55ED50, 1, 16)           # version 1, header of 16 bytes


def entries(data):
    """(architecture, begin, end) of each payload."""
    at = data.find(MAGIC)
    while at >= 0:
        entry = at + 16
        end = entry + struct.unpack_from('<Q', data, at + 8)[0]
        if end > len(data):
            sys.exit(f'a fat binary at byte {at} ends beyond the file')
        while entry < end:
            header, size = struct.unpack_from('<IQ', data, entry + 4)
            architecture, = struct.unpack_from('<I', data, entry + 28)
            yield architecture, entry + header, entry + header + size
            entry += header + size
        at = data.find(MAGIC, end)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    path, wanted = sys.argv[1], int(sys.argv[2])
    with open(path, 'rb') as f:
        data = bytearray(f.read())
    found = list(entries(data))
    if wanted not in {a for a, _, _ in found}:
        sys.exit(f'{path} has no kernels for sm_{wanted}, only for {sorted({a for a, _, _ in found})}')
    for architecture, begin, end in found:
        if architecture != wanted:
            data[begin:end] = bytes(end - begin)
    with open(path, 'wb') as f:
        f.write(data)


main()
