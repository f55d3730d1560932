"""What is heard in samples: tempo, key, fingerprint, loudness, waveform, where the highs end. Pure: arrays in, frozen
values out.
"""
