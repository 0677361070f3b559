"""Names of people and places in free text: a small linear tagger, trained by ``scripts/train_tagger.py``."""
