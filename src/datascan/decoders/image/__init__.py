"""Encoded images: what they are, whether they are whole, and what they hold.

:func:`datascan.decoders.image.decoder.inspect_images` looks at many; everything else looks at one.
"""
