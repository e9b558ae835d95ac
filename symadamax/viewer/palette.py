"""One palette for all frames of a GIF, and frames in its colours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["Palette"]

Pixels = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.uint32]

# A GIF has 256 colours; one is left for "as in the frame before", which made files 4 to 15 times
# smaller. The commonest are kept exactly, so that white stays white.
COLOURS, EXACT = 255, 96


class Palette:
    """At most 255 colours, chosen from some frames, and the nearest of them for every colour.

    Parameters
    ----------
    samples : list of ndarray of shape (height, width, 4), uint8
        Opaque RGBA frames that show what the others show.
    """

    def __init__(self, samples: list[Pixels]) -> None:
        every = np.concatenate([_codes(sample).ravel() for sample in samples])
        codes, counts = np.unique(every, return_counts=True)
        codes = codes[np.argsort(-counts, kind="stable")]
        self.colours = _colours(codes[:EXACT])
        if len(codes) > EXACT:
            rare = Image.fromarray(_colours(codes[EXACT:])[np.newaxis])
            chosen = rare.quantize(COLOURS - EXACT, method=Image.Quantize.MAXCOVERAGE)
            extra = np.array(chosen.getpalette(), dtype=np.uint8).reshape(-1, 3)
            self.colours = np.concatenate([self.colours, extra[: COLOURS - EXACT]])
        # The place of a colour by its 24-bit code; COLOURS where it has not been asked for.
        self._places = np.full(1 << 24, COLOURS, dtype=np.uint8)

    def image(self, pixels: Pixels) -> Image.Image:
        """Return a frame in the colours of the palette."""
        codes = _codes(pixels)
        places = self._places[codes]
        if places.max() == COLOURS:
            self._learn(np.unique(codes[places == COLOURS]))
            places = self._places[codes]
        image = Image.fromarray(places)
        image.putpalette(self.table)
        return image

    @property
    def table(self) -> bytes:
        """The colours as Pillow takes them."""
        return self.colours.tobytes()

    def _learn(self, codes: Codes) -> None:
        """Find the nearest colour for each of these, by the sum of squares."""
        wanted, offered = (colours.astype(np.int32) for colours in (_colours(codes), self.colours))
        distance = ((wanted[:, np.newaxis] - offered) ** 2).sum(axis=2)
        self._places[codes] = distance.argmin(axis=1)


def _codes(pixels: Pixels) -> Codes:
    """Return each pixel's colour as one number of 24 bits."""
    codes: Codes = np.ascontiguousarray(pixels).view("<u4")[..., 0] & np.uint32(0xFFFFFF)
    return codes


def _colours(codes: Codes) -> Pixels:
    """Return the (red, green, blue) of 24-bit codes, of shape (k, 3)."""
    return codes.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :3]
