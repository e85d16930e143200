"""撤销: what services note down while they act (`entries`), how it is taken back (`services`), and its pages (`views`)."""
