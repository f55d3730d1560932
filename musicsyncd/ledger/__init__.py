"""What is known and proven of each track: the truth that every target is held against."""
