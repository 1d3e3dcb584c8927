"""Outputs render reports. One module or package per format."""
