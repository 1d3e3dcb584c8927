"""What several rules need of a block: measured once, added up, and read by all of them."""
