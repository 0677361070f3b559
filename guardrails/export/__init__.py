"""Masked copies of tables for training and analysis: one key for one export, k-anonymity, a report on both sides."""
