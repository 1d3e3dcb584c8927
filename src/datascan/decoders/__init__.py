"""Found by looking into this folder."""
