"""What the guarantees are shown with: copies, rows, comparisons, a look inside the model."""
