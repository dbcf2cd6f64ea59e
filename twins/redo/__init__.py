"""A fair redo: pictures that do not show their twin, and one free retraining with advice about the photos."""
