"""A picture of the gallery, large enough to be edited, with its files in the vault."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ml import media

WIDTH, HEIGHT = 320, 240


def pixels() -> np.ndarray:
    """A gradient with a disc: (HEIGHT, WIDTH, 3) uint8."""
    across, down = np.meshgrid(np.linspace(40, 200, WIDTH), np.linspace(60, 180, HEIGHT))
    picture = np.stack([across, down, 240 - across], axis=2).astype(np.uint8)
    return cv2.circle(np.ascontiguousarray(picture), (160, 100), 50, (220, 170, 140), -1)


def hang(user: Any, **fields: Any) -> Any:
    from gallery.models import Item
    from gallery.services import save_item

    recipe = {
        "kind": "image",
        "prompt": "in a park",
        "style": "photorealistic",
        "seed": 7,
        "quality": "draft",
    }
    facts = {"width": WIDTH, "height": HEIGHT, "prompt": "in a park", "recipe": recipe, "mark": 77}
    item = Item(user=user, **facts | {"engine": "nano"} | fields)
    for name, value in save_item(user.id, item.id, media.encode_png(pixels())).items():
        setattr(item, name, value)
    item.save()
    return item
