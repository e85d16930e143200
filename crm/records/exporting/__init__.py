"""Export: rows that passed the gate → values of the person's columns → a file written as a stream."""
