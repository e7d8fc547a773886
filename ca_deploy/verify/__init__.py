"""Verification: the parity ladder, and what the runtime delegates."""
