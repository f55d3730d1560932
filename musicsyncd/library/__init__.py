"""Where audio is kept: shelves behind one port."""
