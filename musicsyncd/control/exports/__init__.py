"""What is known of tracks, for other programs to read: tables, playlists, rekordbox's XML. No database of theirs is
ever written.
"""
