"""config.toml, environment and flags as one typed value."""

from musicsyncd.settings.defaults import default_config, default_socket, default_state_dir
from musicsyncd.settings.loading import Loaded, load
from musicsyncd.settings.model import Settings, dotted, known_keys, leaves, shown

__all__ = [
    "Loaded",
    "Settings",
    "default_config",
    "default_socket",
    "default_state_dir",
    "dotted",
    "known_keys",
    "leaves",
    "load",
    "shown",
]
