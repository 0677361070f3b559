"""What the name of a column or table says about its content, in the languages people name columns in."""
