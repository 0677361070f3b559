"""Ways in. A door translates between its protocol and the chain, and does nothing else."""
