"""Encoded images: their format, whether they are intact, and their pixels.

:func:`datascan.decoders.image.inspection.inspect_images` handles many images, everything else one.
"""
