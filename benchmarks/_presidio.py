"""Runs Presidio over texts, in its own environment: JSON lines in, one JSON line out. See detection.py.

python _presidio.py regex|MODEL ENTITY,ENTITY,... < {"texts": [...], "timed": [...]}
"""

from __future__ import annotations

import json
import logging
import sys
import time

from presidio_analyzer import AnalyzerEngine, RecognizerRegistry  # pyright: ignore
from presidio_analyzer.nlp_engine import NlpEngineProvider, SpacyNlpEngine  # pyright: ignore


def engine(model: str):
    logging.disable(logging.CRITICAL)
    if model != "regex":
        names = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
        return AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=names).create_engine())
    import spacy  # pyright: ignore

    class Blank(SpacyNlpEngine):
        def __init__(self) -> None:
            super().__init__()
            self.nlp = {"en": spacy.blank("en")}

    registry = RecognizerRegistry()
    registry.load_predefined_recognizers(languages=["en"])
    registry.remove_recognizer("SpacyRecognizer")
    return AnalyzerEngine(nlp_engine=Blank(), registry=registry, supported_languages=["en"])


def main() -> None:
    analyzer = engine(sys.argv[1])
    entities = sys.argv[2].split(",")
    given = json.load(sys.stdin)
    for text in given["timed"][:3]:
        analyzer.analyze(text, "en", entities=entities)
    began = time.process_time()
    for text in given["timed"]:
        analyzer.analyze(text, "en", entities=entities)
    seconds = time.process_time() - began
    found = [
        [[r.start, r.end, r.entity_type] for r in analyzer.analyze(t, "en", entities=entities)] for t in given["texts"]
    ]
    json.dump({"seconds": seconds, "found": found}, sys.stdout)


if __name__ == "__main__":
    main()
