"""The owner's book of tracks: one port, a vendor a file."""
