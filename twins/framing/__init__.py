"""Hints while the camera is on: what the check of a photo would say, from a small frame that is not kept."""
