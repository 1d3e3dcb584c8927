"""What no output may replace: everything that is read, and files that datascan did not write."""
