"""A plug-in of pytest for slow runs: examples of hypothesis may take any time."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
