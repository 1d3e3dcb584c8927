"""The opening of a report: at most three sentences that say what the reader has to do."""
