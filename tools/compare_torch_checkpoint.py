"""Compares a checkpoint that 'of3 convert IN OUT.pt --dtype f32' wrote with the safetensors file that it was made of: torch.load reads
all of it (weights_only), and every tensor has the same bytes.

  python tools/compare_torch_checkpoint.py IN.safetensors OUT.pt        needs torch and numpy
"""
import json
import struct
import sys
import zipfile

import numpy as np
import torch


def main():
    source, made = sys.argv[1:]
    loaded = torch.load(made, weights_only=True)
    with open(source, "rb") as f:
        raw = f.read()
    header = struct.unpack("<Q", raw[:8])[0]
    entries = json.loads(raw[8:8 + header])
    names = [n for n in entries if n != "__metadata__" and not n.startswith("training/")]
    wrong = [n for n in names if n not in loaded]
    for name in names:
        e = entries[name]
        begin, end = (8 + header + at for at in e["data_offsets"])
        values = np.frombuffer(raw[begin:end], "<f4").reshape(e["shape"])
        if name in loaded and not np.array_equal(values, loaded[name].numpy()):
            wrong.append(name)
    broken = zipfile.ZipFile(made).testzip()
    print(f"{len(names)} tensors, {len(wrong)} differ, {len(loaded) - len(names)} are new; broken members: {broken}")
    return 1 if wrong or broken or len(loaded) != len(names) else 0


if __name__ == "__main__":
    sys.exit(main())
