"""A model on disk: the diffusers folder, opened strictly, saved whole, and identified by what its tensors hold."""

from limner.bundle.bundle import Bundle, open_bundle
from limner.bundle.save import ZERO_SNR, save_bundle

__all__ = ["ZERO_SNR", "Bundle", "open_bundle", "save_bundle"]
