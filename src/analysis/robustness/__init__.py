"""The robustness engine: many specifications from one pass over the rows, and honest inference."""
