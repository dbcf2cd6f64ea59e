"""Photos that come in pieces: the tus protocol 1.0."""
