"""A text-to-image studio for teaching: a sentence becomes a picture, and every step of the way can be read."""

__version__ = "0.1.0"
