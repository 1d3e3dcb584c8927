"""Decoders: the bytes of values to columns. ``datascan.plugins`` lists them."""
