"""The formats of training logs: one module each."""
