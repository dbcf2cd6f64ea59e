"""Packs of headshots: presets that staff edit, the prompts made of them, orders and contact sheets."""
