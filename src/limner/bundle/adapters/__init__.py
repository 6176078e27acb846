"""What users lay over a model: low-rank adapters (LoRA) and words learned from pictures (textual inversion)."""

from limner.bundle.adapters.adapt import adapted, beside, runs_beside
from limner.bundle.adapters.embedding import Embedding, read_embedding
from limner.bundle.adapters.lora import Lora, read_lora
from limner.bundle.adapters.write import write_lora

__all__ = [
    "Embedding",
    "Lora",
    "adapted",
    "beside",
    "read_embedding",
    "read_lora",
    "runs_beside",
    "write_lora",
]
