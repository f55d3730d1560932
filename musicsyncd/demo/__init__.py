"""A few short tracks of our own to try the product with; `tracks/` holds them, `compose.py` made them."""
