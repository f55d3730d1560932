"""Programs outside this process: argument lists, deadlines, process groups, JSON lines."""
