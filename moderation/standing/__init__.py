"""Strikes, what follows from them, and what staff and the person do about it."""
