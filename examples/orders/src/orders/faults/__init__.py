"""Faults on purpose: which there are, what each breaks, and what should notice."""
