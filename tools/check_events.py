#!/usr/bin/env python3
"""Reads the event file of a training log with TensorBoard and compares it with the rows of train.csv and
validation.csv beside it. Needs TensorBoard (pip install tensorboard).

    tools/check_events.py FOLDER
"""
import csv
import math
import os
import struct
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def rows(folder, name, prefix):
    """(tag, step, value as f32) of every number in a table."""
    with open(os.path.join(folder, name), newline="") as f:
        for row in csv.DictReader(f):
            step = int(row.pop("step"))
            for tag, text in row.items():
                if text:
                    yield prefix + tag, step, struct.unpack("f", struct.pack("f", float(text)))[0]


def main():
    folder = sys.argv[1]
    events = EventAccumulator(folder, size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    seen = {}
    for tag in events.Tags()["scalars"]:
        for e in events.Scalars(tag):
            seen[tag, e.step] = e.value
    wanted = [*rows(folder, "train.csv", "train/"), *rows(folder, "validation.csv", "val/")]
    wrong = [(t, s, v, seen.get((t, s))) for t, s, v in wanted if not math.isclose(seen.get((t, s), math.nan), v)]
    for tag, step, value, found in wrong[:10]:
        print(f"{tag} of step {step} is {value} in the table and {found} in the event file")
    if wrong or len(seen) != len(wanted) or not wanted:
        sys.exit(f"{len(wrong)} of {len(wanted)} numbers differ; the event file has {len(seen)}")
    print(f"{len(wanted)} numbers of {len({t for t, _, _ in wanted})} tags are as in the tables")


if __name__ == "__main__":
    main()
