"""Where music is found: one port, a vendor a file."""
