"""Who is asked about a track beside its source: one port, and a service behind each file. Off without settings."""
