"""What analysts use: report, export, queries and the notebook, on the example files."""
