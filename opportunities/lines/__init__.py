"""Product lines of opportunities."""
