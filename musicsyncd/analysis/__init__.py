"""What is heard in samples: tempo, key, fingerprint, loudness. Pure: arrays in, frozen values out."""
