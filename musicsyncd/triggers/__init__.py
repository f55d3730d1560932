"""What starts work by itself: it only drops requests."""
