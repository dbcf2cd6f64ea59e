"""Makes torchvision importable where its compiled part does not fit the torch beside it.

torchvision's wheel is built for CUDA. Beside a CPU-only torch its import fails ("operator torchvision::nms
does not exist") and takes diffusers, transformers and peft with it. Nothing here happens where it imports as
it is.
"""

from __future__ import annotations

import sys

_keep: list[object] = []  # a torch Library that is collected takes its operators with it


def ensure_torchvision() -> None:
    """Import torchvision; where that fails for its missing operators, define those it asks for and import
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
