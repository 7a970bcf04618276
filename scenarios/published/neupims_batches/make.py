#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the static batches of neupims.figures.yaml beside itself. README.md has the rule."""
import pathlib

# Percentiles of the request lengths in the traces of casys-kaist/NeuPIMs (trace-generator/alpaca and
# share-gpt2, stats.tsv): 52,002 and 391,726 requests. Above the 99th lengths count as the 99th.
SHARES = [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0]
LENGTHS = {
    "alpaca": {
        "input": [5, 5, 7, 8, 9, 11, 14, 17, 20, 27, 27],
        "output": [1, 1, 3, 6, 13, 40, 85, 122, 151, 249, 249],
    },
    "sharegpt": {
        "input": [1, 1, 3, 5, 9, 17, 39, 118, 303, 1267.8, 1267.8],
        "output": [8, 8, 29, 57, 138, 261, 389, 576, 727, 960, 960],
    },
}
BATCHES = [64, 128, 256, 512]
CHANNELS = 32
# Fractional parts of multiples of these spread evenly and are independent of each other.
GOLDEN, SILVER = 0.6180339887498949, 0.41421356237309515


def quantile(lengths, share):
    """Linear between percentiles."""
    for i in range(1, len(SHARES)):
        if share <= SHARES[i]:
            part = (share - SHARES[i - 1]) / (SHARES[i] - SHARES[i - 1])
            return lengths[i - 1] + part * (lengths[i] - lengths[i - 1])
    return lengths[-1]


def by_length(lengths, share, steps=10000):
    """A length from requests that are weighted by it: long answers are met more often."""
    values = [quantile(lengths, (i + 0.5) / steps) for i in range(steps)]
    left = share * sum(values)
    for value in values:
        left -= value
        if left <= 0:
            return value
    return values[-1]


def contexts(lengths, batch):
    result = []
    for i in range(batch):
        output = by_length(lengths["output"], (i + 0.5) / batch)
        request = quantile(lengths["input"], (0.5 + i * GOLDEN) % 1.0)
        progress = (0.5 + i * SILVER) % 1.0
        result.append(max(1, round(request + progress * output)))
    # The order of arrival says nothing about length.
    order = sorted(range(batch), key=lambda i: (i * GOLDEN * SILVER) % 1.0)
    return [result[i] for i in order]


def write(name, header, rows):
    path = pathlib.Path(__file__).resolve().parent / f"{name}.csv"
    path.write_text("\n".join([header, *rows]) + "\n")


for trace, trace_lengths in LENGTHS.items():
    for batch_size in BATCHES:
        batch = contexts(trace_lengths, batch_size)
        print(f"{trace} {batch_size}: mean context {sum(batch) / len(batch):.1f}")
        write(f"{trace}_{batch_size}_round_robin", "context,channel",
              [f"{context},{i % CHANNELS}" for i, context in enumerate(batch)])
        write(f"{trace}_{batch_size}_longest_first", "context",
              [str(context) for context in sorted(batch, reverse=True)])
