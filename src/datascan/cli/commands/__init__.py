"""Commands: each module adds its own to the command line by ``register``.

``PLACE`` orders them in the help. Modules import nothing heavy before they run.
"""
