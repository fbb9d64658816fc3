"""A training saved, and gone on with in a fresh process, beside the one that never stopped."""
