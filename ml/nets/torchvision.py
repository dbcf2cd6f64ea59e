"""Makes torchvision importable when its compiled part does not fit the installed torch.

torchvision's wheel is built for CUDA. With a CPU-only torch its import fails ("operator torchvision::nms does
not exist"), and with it the imports of diffusers, transformers and peft. This module changes nothing when
torchvision can be imported.
"""

from __future__ import annotations

import sys

_keep: list[object] = []  # keeps the torch Library alive: its operators vanish when it is collected


def ensure_torchvision() -> None:
    """Imports torchvision. If that fails because operators are missing, defines them and imports
    again."""
    if "torchvision" in sys.modules:
        return
    try:
        import torchvision  # noqa: F401
    except RuntimeError as e:
        if "torchvision::nms" not in str(e):
            raise
        _define_operators()
        import torchvision  # noqa: F401
        from torchvision import extension

        extension._has_ops = lambda: True


def _define_operators() -> None:
    import torch

    for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", _nms, "CPU")
    _keep.append(library)


def _nms(boxes, scores, threshold):  # type: ignore[no-untyped-def]
    """Greedy NMS: boxes (N, 4) as x1 y1 x2 y2, scores (N,) -> kept indices, best first."""
    import torch

    order = scores.argsort(descending=True)
    x1, y1, x2, y2 = boxes.unbind(1)
    area = (x2 - x1) * (y2 - y1)
    kept = []
    while order.numel():
        i, rest = order[0], order[1:]
        kept.append(int(i))
        w = (torch.minimum(x2[i], x2[rest]) - torch.maximum(x1[i], x1[rest])).clamp(min=0)
        h = (torch.minimum(y2[i], y2[rest]) - torch.maximum(y1[i], y1[rest])).clamp(min=0)
        overlap = w * h
        order = rest[overlap / (area[i] + area[rest] - overlap) <= threshold]
    return torch.tensor(kept, dtype=torch.int64)
