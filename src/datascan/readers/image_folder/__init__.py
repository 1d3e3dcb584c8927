"""Folders and lists of image files: which files there are, and which class each one has."""
