"""Tokens become states: a causal transformer, trained so that a caption and its picture point the same way.

The modules carry the names of the published checkpoints, so that a tower's state dict is its file.
"""

import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import TypeAlias, TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from limner.errors import LimnerError

# The value that older configs carry as eos_token_id, whatever the vocabulary's EOS really is.
LEGACY_EOS = 2


def quick_gelu(x: Tensor) -> Tensor:
    """x * sigmoid(1.702 x), which approximates the Gaussian error unit.

    Hendrycks & Gimpel 2016 (arXiv:1606.08415), section 2.
    """
    return x * torch.sigmoid(1.702 * x)


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"quick_gelu": quick_gelu, "gelu": F.gelu}


@dataclass(frozen=True, slots=True)
class TextConfig:
    """What a text encoder's config.json says of its arithmetic.

    `projection_dim` is the width of the projected `pooled`, None in a tower without a projection.
    """

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    max_position_embeddings: int
    hidden_act: str
    layer_norm_eps: float
    eos_token_id: int
    projection_dim: int | None

    @staticmethod
    def from_json(text: str) -> "TextConfig":
        """Raises LimnerError naming the field that is missing or that this tower cannot follow."""
        return _from_json(text, TextConfig)

    def to_json(self) -> str:
        architecture = "CLIPTextModel" if self.projection_dim is None else "CLIPTextModelWithProjection"
        return _to_json(self, "clip_text_model", architecture)


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an image encoder's config.json says of its arithmetic; `image_size` and `patch_size` in pixels."""

    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_channels: int
    image_size: int
    patch_size: int
    hidden_act: str
    layer_norm_eps: float
    projection_dim: int

    @staticmethod
    def from_json(text: str) -> "ImageConfig":
        """Raises LimnerError naming the field that is missing or that this tower cannot follow."""
        return _from_json(text, ImageConfig)

    def to_json(self) -> str:
        return _to_json(self, "clip_vision_model", "CLIPVisionModelWithProjection")


Config: TypeAlias = TextConfig | ImageConfig
AnyConfig = TypeVar("AnyConfig", TextConfig, ImageConfig)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A prompt, read: three readings of one forward pass, because model families attend to different ones.

    `states` are the last layer's or an earlier one's, after the final norm (Stable Diffusion 1.x; 2.x too, whose
    folders leave out the last layer of CLIP); `penultimate` are those before the last layer, without a norm (SDXL);
    `pooled` is the final state at EOS, projected if the tower projects.
    """

    states: Float[Tensor, "b l d"]
    penultimate: Float[Tensor, "b l d"]
    pooled: Float[Tensor, "b p"]


class TextTower(nn.Module):
    """CLIP's text transformer (Radford et al. 2021, arXiv:2103.00020, section 2.4)."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.text_model = _TextModel(config)
        width, projected = config.hidden_size, config.projection_dim
        self.text_projection = nn.Identity() if projected is None else nn.Linear(width, projected, bias=False)

    def forward(self, tokens: Int[Tensor, "b l"], clip_skip: int = 1) -> Encoded:
        """`tokens` holds EOS in every row.  A token sees itself and those before it, so EOS has read the prompt.

        `states` are those of the `clip_skip`-th layer from the last: models exist that were taught by an earlier layer
        than their folder says.  LimnerError where the tower has fewer.
        """
        model, depth = self.text_model, self.config.num_hidden_layers
        if clip_skip > depth:
            raise LimnerError(f"clip_skip {clip_skip}: the text tower has {depth} layers", f"choose 1 to {depth}")
        after = model.encoder(model.embeddings(tokens))
        last = model.final_layer_norm(after[-1])
        states = last if clip_skip == 1 else model.final_layer_norm(after[-clip_skip])
        # Older configs misstate EOS; its position was then, and stays, that of the largest id.
        legacy = self.config.eos_token_id == LEGACY_EOS
        eos = tokens.argmax(-1) if legacy else (tokens == self.config.eos_token_id).int().argmax(-1)
        rows = torch.arange(len(tokens), device=tokens.device)
        return Encoded(states, after[-2], self.text_projection(last[rows, eos]))


class ImageTower(nn.Module):
    """CLIP's picture transformer: patches and one class token (Dosovitskiy et al. 2020, arXiv:2010.11929, Eq. 1-4)."""

    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        self.config = config
        self.vision_model = _VisionModel(config)
        self.visual_projection = nn.Linear(config.hidden_size, config.projection_dim, bias=False)

    def forward(self, pixels: Float[Tensor, "b c h w"]) -> Float[Tensor, "b p"]:
        """The picture's feature.  `pixels` are square and scaled as the tower was trained: limner's, in [-1, 1]."""
        model = self.vision_model
        last = model.encoder(model.pre_layrnorm(model.embeddings(pixels)))[-1]
        feature: Tensor = self.visual_projection(model.post_layernorm(last[:, 0]))
        return feature


class ClipPair(nn.Module):
    """The two towers and the learned logarithm of the factor on their cosines (Radford et al. 2021, section 2.3-2.5).

    A whole CLIP checkpoint is `text.state_dict() | image.state_dict() | {"logit_scale": ...}`.
    """

    def __init__(self, text: TextTower, image: ImageTower) -> None:
        super().__init__()
        self.text, self.image = text, image
        self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))

    def forward(self, pixels: Float[Tensor, "i c h w"], tokens: Int[Tensor, "t l"]) -> Float[Tensor, "i t"]:
        return clip_logits(self.image(pixels), self.text(tokens).pooled, self.logit_scale)

    @torch.no_grad()
    def bound(self) -> None:
        """Keeps the factor at most 100, for stability (section 2.5); called after each training step."""
        self.logit_scale.clamp_(max=math.log(100))


def clip_logits(
    image_features: Float[Tensor, "i p"], text_features: Float[Tensor, "t p"], logit_scale: Float[Tensor, ""]
) -> Float[Tensor, "i t"]:
    """The cosine of every picture with every text, times exp(logit_scale) (Radford et al. 2021, figure 3)."""
    return logit_scale.exp() * F.normalize(image_features, dim=-1) @ F.normalize(text_features, dim=-1).T


@torch.no_grad()
def initialise(tower: TextTower | ImageTower, generator: torch.Generator) -> None:
    """Draws a tower's first weights: normal, of a width that keeps the residual stream's variance.

    Radford et al. 2019 (Language models are unsupervised multitask learners), section 2.3: what writes to the stream is
    scaled by 1/sqrt(number of writes).  Tokens begin as loud as a block's input is after its norm, so that a word keeps
    a name of its own beside what is said of it (docs/decisions/0009).  `generator` lives where the tower does.
    """
    width, layers = tower.config.hidden_size, tower.config.num_hidden_layers
    read, write = width**-0.5, (2 * width * layers) ** -0.5
    spreads = {
        "token_embedding": 1.0,
        "position_embedding": 0.2,
        "q_proj": read,
        "k_proj": read,
        "v_proj": read,
        "out_proj": write,
        "fc1": (2 * width) ** -0.5,
        "fc2": write,
        "text_projection": read,
        "visual_projection": read,
    }
    for name, weight in tower.named_parameters():
        owner = name.split(".")[-2]
        if name.endswith("bias"):
            weight.zero_()
        elif owner in spreads:
            weight.normal_(0, spreads[owner], generator=generator)
        elif owner == "patch_embedding":
            weight.normal_(0, weight[0].numel() ** -0.5, generator=generator)
        elif name.endswith("class_embedding"):
            weight.normal_(0, read, generator=generator)
        else:
            weight.fill_(1)  # the gain of a layer norm


class _TextModel(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.embeddings = _TextEmbeddings(config)
        self.encoder = _Encoder(config, causal=True)
        self.final_layer_norm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)


def _table(rows: int, width: int) -> nn.Embedding:
    """Zeros, for `initialise` or a file to fill: torch's own start would import its compiler, for seconds."""
    return nn.Embedding(rows, width, _weight=torch.zeros(rows, width))


class _TextEmbeddings(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.token_embedding = _table(config.vocab_size, config.hidden_size)
        self.position_embedding = _table(config.max_position_embeddings, config.hidden_size)

    def forward(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l d"]:
        embedded: Tensor = self.token_embedding(tokens)
        return embedded + self.position_embedding.weight[: tokens.shape[1]]


class _VisionModel(nn.Module):
    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        self.embeddings = _PatchEmbeddings(config)
        self.pre_layrnorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)  # spelled so in every checkpoint
        self.encoder = _Encoder(config, causal=False)
        self.post_layernorm = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)


class _PatchEmbeddings(nn.Module):
    def __init__(self, config: ImageConfig) -> None:
        super().__init__()
        width, patch = config.hidden_size, config.patch_size
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.patch_embedding = nn.Conv2d(config.num_channels, width, patch, stride=patch, bias=False)
        self.position_embedding = _table((config.image_size // patch) ** 2 + 1, width)

    def forward(self, pixels: Float[Tensor, "b c h w"]) -> Float[Tensor, "b l d"]:
        patches = self.patch_embedding(pixels).flatten(2).mT
        first = self.class_embedding.expand(len(pixels), 1, -1)
        return torch.cat([first, patches], dim=1) + self.position_embedding.weight


class _Encoder(nn.Module):
    def __init__(self, config: Config, causal: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(_Layer(config, causal) for _ in range(config.num_hidden_layers))

    def forward(self, x: Float[Tensor, "b l d"]) -> list[Float[Tensor, "b l d"]]:
        """The states before the first layer and after each."""
        states = [x]
        for layer in self.layers:
            states.append(layer(states[-1]))
        return states


class _Layer(nn.Module):
    def __init__(self, config: Config, causal: bool) -> None:
        super().__init__()
        self.self_attn = _Attention(config.hidden_size, config.num_attention_heads, causal)
        self.layer_norm1 = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.mlp = _Perceptron(config)
        self.layer_norm2 = nn.LayerNorm(config.hidden_size, config.layer_norm_eps)

    def forward(self, x: Float[Tensor, "b l d"]) -> Float[Tensor, "b l d"]:
        x = x + self.self_attn(self.layer_norm1(x))
        x = x + self.mlp(self.layer_norm2(x))
        return x


class _Attention(nn.Module):
    """Vaswani et al. 2017 (arXiv:1706.03762), Eq. 1 and section 3.2.2; `causal` hides what comes later."""

    def __init__(self, width: int, heads: int, causal: bool) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} heads of a width of {width}")
        self.heads, self.causal = heads, causal
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Float[Tensor, "b l d"]) -> Float[Tensor, "b l d"]:
        q, k, v = (self._split(project(x)) for project in (self.q_proj, self.k_proj, self.v_proj))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        out: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return out

    def _split(self, x: Float[Tensor, "b l d"]) -> Float[Tensor, "b heads l e"]:
        return x.view(*x.shape[:2], self.heads, -1).transpose(1, 2)


class _Perceptron(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.activation = ACTIVATIONS[config.hidden_act]
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear(config.intermediate_size, config.hidden_size)

    def forward(self, x: Float[Tensor, "b l d"]) -> Float[Tensor, "b l d"]:
        out: Tensor = self.fc2(self.activation(self.fc1(x)))
        return out


def _from_json(text: str, config: type[AnyConfig]) -> AnyConfig:
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise LimnerError(f"config.json of the CLIP tower is not JSON: {error}", "fetch the file again") from None
    if not isinstance(raw, dict):
        raise LimnerError("config.json of the CLIP tower is not a JSON object", "fetch the file again")
    architectures = raw.get("architectures")
    if isinstance(architectures, list) and "CLIPTextModel" in architectures:
        raw["projection_dim"] = None  # the field is written even where nothing projects
    values = {field.name: raw.get(field.name) for field in fields(config)}
    if wrong := [name for name, value in values.items() if not _usable(name, value)]:
        raise LimnerError(f"config.json of the CLIP tower lacks a usable {', '.join(wrong)}", "fetch the file again")
    if values["hidden_act"] not in ACTIVATIONS:
        raise LimnerError(f"hidden_act {values['hidden_act']!r} is unknown", f"known are {', '.join(ACTIVATIONS)}")
    return config(**values)  # type: ignore[arg-type]  # each was looked at


def _usable(name: str, value: object) -> bool:
    """Of its field's kind, and a number above 0: but an id may be 0."""
    kinds = {"hidden_act": str, "layer_norm_eps": float, "projection_dim": int | None}
    if isinstance(value, bool) or not isinstance(value, kinds.get(name, int)):
        return False
    return not isinstance(value, int | float) or value > 0 or (value == 0 and name == "eos_token_id")


def _to_json(config: Config, model_type: str, architecture: str) -> str:
    # transformers would otherwise assume the BOS, EOS and padding ids of the published vocabulary.
    unsaid = {"bos_token_id": None, "pad_token_id": None} if isinstance(config, TextConfig) else {}
    content = {"architectures": [architecture], "model_type": model_type, **unsaid, **asdict(config)}
    return json.dumps(content, indent=2, sort_keys=True) + "\n"
