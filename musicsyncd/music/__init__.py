"""The ground floor: what a track is, what it is called and who it is. Pure."""
