"""How owners rate their pictures: likeness, prompt and quality, and why."""
