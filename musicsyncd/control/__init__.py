"""What people and programs may ask of the daemon: one set of operations behind the control socket."""
