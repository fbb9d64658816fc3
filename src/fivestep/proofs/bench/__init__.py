"""What the guarantees are shown with: copies, rows of data, comparisons, a look inside the model."""
