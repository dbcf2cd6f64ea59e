"""An invisible watermark: a 32-bit number in a picture that survives re-saving, resizing and cropping.

Spread spectrum (Cox et al., 1997) in the brightness, as a tile that repeats over the picture. The tile's
side is half the picture's short side, so it scales with the picture. The number and 28 check bits are five
12-bit letters; each letter selects one of 4,096 sign patterns over its own waves of the tile. Further waves
are the same in every mark: the reader finds scale and position with them (`pattern`, `writing`, `reading`).

False alarms: a picture is decoded at no more than 13 places (once as a whole, at 4 scales, at 4 mirrored,
at 4 stretched), and at each the check bits of a random word are right with a probability of 2^-28. So the
probability of a false alarm is below 13 / 2^28 = 4.9e-8 a picture. `first` reads the marks of earlier
versions and adds 2.1e-10 (see there).

The patterns are public, so anybody can remove or copy the mark. It is a trace, not a proof; the proof is the
signature in `provenance`. The mark does not survive turning.
"""

from ml.watermark.pattern import SMALLEST, Picture
from ml.watermark.reading import Mark, find, find_in_frames, read, read_whole
from ml.watermark.writing import embed, embed_frames

__all__ = [
    "SMALLEST",
    "Mark",
    "Picture",
    "embed",
    "embed_frames",
    "find",
    "find_in_frames",
    "read",
    "read_whole",
]
