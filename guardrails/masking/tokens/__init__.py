"""Tokens: values that stand for real ones, keep their form, and come back on the trusted side alone."""
