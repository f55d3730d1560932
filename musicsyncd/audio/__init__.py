"""Sound as files: decode, encode, probe, tag; everything heavy runs in worker processes."""
