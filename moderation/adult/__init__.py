"""Adult content: the operator's switch, the countries, and the proof of age."""
