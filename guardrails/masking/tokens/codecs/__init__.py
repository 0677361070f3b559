"""How the values of each type become tokens and come back; one file per family."""
