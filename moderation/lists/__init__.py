"""The lists of blocked words, people and pictures: edited by staff, each change a version."""
