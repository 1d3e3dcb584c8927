"""Encoded images: what they are, whether they are whole, and what they hold.

:func:`datascan.pictures.gallery.look_at` looks at many; everything else looks at one.
"""
