"""Invoices and the titles they are made out to."""
