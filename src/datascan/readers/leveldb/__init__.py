"""What the LevelDB reader stands on: logs, manifests, clones, recovery, and the way past damage."""
