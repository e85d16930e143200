"""Pages of letters to customers."""
