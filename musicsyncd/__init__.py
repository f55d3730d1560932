"""musicsyncd: what a person likes becomes verified, analysed, tagged audio on the volumes of their DJ software."""

__version__ = "0.1.0"
