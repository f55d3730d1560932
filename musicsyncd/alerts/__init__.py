"""Telling a person: what is wrong now, written down before it is told, and told by every channel until it arrived."""
