"""Answers by e-mail: what is sent, and what comes back."""
