"""The approval centre: what waits for me, what I decided, submitted or am copied in, and what may be done with it."""
