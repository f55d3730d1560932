"""Which tracks want work, and seeing it done."""
