"""The structure of image files, read without decoding: one module per format."""
