"""Every request written down, done once, in turn."""
