"""A linear-chain conditional random field over hashed features, trained with numpy alone.

Lafferty, McCallum and Pereira (2001); AdaGrad (Duchi et al. 2011) with an L1 step, so that most rows end at zero.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
I32 = npt.NDArray[np.int32]


@dataclass
class Sequence:
    """One text: feature rows (tokens, templates), gold labels, and its weight in the loss."""

    rows: I32
    labels: npt.NDArray[np.int8]
    weight: float


@dataclass
class Model:
    weights: F32  # (rows + 1, labels); the last row stays zero and stands for "no feature"
    transitions: F32  # (labels + 1, labels); the last row is the start


def log_sum(values: F32, axis: int) -> F32:
    top = values.max(axis=axis, keepdims=True)
    return (top + np.log(np.exp(values - top).sum(axis=axis, keepdims=True))).squeeze(axis)


def train(
    sequences: list[Sequence],
    rows: int,
    labels: int,
    *,
    epochs: int,
    rate: float,
    l1: float,
    drop: float,
    seed: int,
    batch_tokens: int = 2000,
) -> Model:
    """Weights that maximise the conditional likelihood. ``drop`` is the share of templates silenced at each token."""
    rng = np.random.default_rng(seed)
    model = Model(np.zeros((rows + 1, labels), np.float32), np.zeros((labels + 1, labels), np.float32))
    squares = np.full((rows + 1, labels), 1e-2, np.float32)
    squares_t = np.full((labels + 1, labels), 1.0, np.float32)
    average = Model(np.zeros_like(model.weights), np.zeros_like(model.transitions))
    averaged = 0
    lengths = np.array([len(s.labels) for s in sequences])
    for epoch in range(epochs):
        began, loss, tokens = time.perf_counter(), 0.0, 0
        step = rate * (1.0 if epoch < epochs - 3 else 0.5)
        for batch in _batches(lengths, rng, batch_tokens):
            chosen = [sequences[i] for i in batch]
            value, gradient, gradient_t, touched = _gradient(model, chosen, rng, drop, rows)
            loss += value
            tokens += sum(len(s.labels) for s in chosen)
            squares[touched] += gradient**2
            scale = step / np.sqrt(squares[touched])
            updated = model.weights[touched] - scale * gradient
            model.weights[touched] = np.sign(updated) * np.maximum(np.abs(updated) - scale * l1, 0)
            model.weights[rows] = 0
            squares_t += gradient_t**2
            model.transitions -= step / np.sqrt(squares_t) * gradient_t
        if epoch >= epochs - 3:
            average.weights += model.weights
            average.transitions += model.transitions
            averaged += 1
        print(f"epoch {epoch + 1}: loss {loss / tokens:.4f} per token, {time.perf_counter() - began:.1f} s", flush=True)
    return Model(average.weights / averaged, average.transitions / averaged)


def _batches(lengths: npt.NDArray[np.int64], rng: np.random.Generator, size: int) -> list[npt.NDArray[np.int64]]:
    """Sequences of like length together, in random order."""
    order = np.argsort(lengths + rng.uniform(0, 4, len(lengths)), kind="stable")
    batches: list[npt.NDArray[np.int64]] = []
    at = 0
    while at < len(order):
        longest = lengths[order[at : at + 64]].max()
        count = max(1, size // max(1, int(longest)))
        batches.append(order[at : at + count])
        at += count
    return [batches[i] for i in rng.permutation(len(batches))]


def _gradient(
    model: Model, batch: list[Sequence], rng: np.random.Generator, drop: float, rows: int
) -> tuple[float, F32, F32, npt.NDArray[np.int64]]:
    k = model.weights.shape[1]
    longest, width = max(len(s.labels) for s in batch), len(batch)
    stacked = np.concatenate([s.rows for s in batch])
    if drop:
        stacked = np.where(rng.random(stacked.shape, np.float32) < drop, rows, stacked)
    emitted = model.weights[stacked].sum(1)
    if drop:
        emitted /= 1 - drop
    emission = np.zeros((longest, width, k), np.float32)
    gold = np.zeros((longest, width), np.int64)
    mask = np.zeros((longest, width), bool)
    weight = np.array([s.weight for s in batch], np.float32)
    at = 0
    for j, s in enumerate(batch):
        n = len(s.labels)
        emission[:n, j] = emitted[at : at + n]
        gold[:n, j] = s.labels
        mask[:n, j] = True
        at += n
    inner, start = model.transitions[:k], model.transitions[k]
    alpha = np.empty_like(emission)
    alpha[0] = emission[0] + start
    for t in range(1, longest):
        new = log_sum(alpha[t - 1][:, :, None] + inner[None], 1) + emission[t]
        alpha[t] = np.where(mask[t][:, None], new, alpha[t - 1])
    total = log_sum(alpha[-1], 1)
    beta = np.zeros_like(emission)
    pair = np.zeros((k, k), np.float32)
    for t in range(longest - 1, 0, -1):
        onward = emission[t] + beta[t]
        both = alpha[t - 1][:, :, None] + inner[None] + onward[:, None, :] - total[:, None, None]
        probability = np.exp(both) * (mask[t] * weight)[:, None, None]
        pair += probability.sum(0)
        new = log_sum(inner[None] + onward[:, None, :], 2)
        beta[t - 1] = np.where(mask[t][:, None], new, beta[t])
    marginal = np.exp(alpha + beta - total[None, :, None]) * mask[:, :, None]
    one_hot = np.zeros_like(marginal)
    ts, js = np.nonzero(mask)
    one_hot[ts, js, gold[ts, js]] = 1
    delta = (marginal - one_hot) * weight[None, :, None]
    score = (emission[ts, js, gold[ts, js]] * weight[js]).sum() + (start[gold[0]] * weight).sum()
    gradient_t = np.zeros_like(model.transitions)
    gradient_t[:k] = pair
    tt, tj = np.nonzero(mask[1:])
    before, after = gold[tt, tj], gold[tt + 1, tj]
    np.add.at(gradient_t, (before, after), -weight[tj])
    score += (inner[before, after] * weight[tj]).sum()
    gradient_t[k] = delta[0].sum(0)
    flat = np.concatenate([delta[: len(s.labels), j] for j, s in enumerate(batch)])
    touched, where = np.unique(stacked, return_inverse=True)
    repeated = where.reshape(-1)
    gradient = np.stack(
        [np.bincount(repeated, np.repeat(flat[:, c], stacked.shape[1]), len(touched)) for c in range(k)], 1
    ).astype(np.float32)
    if drop:
        gradient /= 1 - drop
    return float((total * weight).sum() - score), gradient, gradient_t, touched
