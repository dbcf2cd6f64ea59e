"""Twins: photos in, a trained LoRA and pictures out. Knows no Django, no settings and no user
(docs/engine.md)."""
