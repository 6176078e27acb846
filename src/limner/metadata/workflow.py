"""The graph that ComfyUI's page draws, as the one that ComfyUI runs: values get back their names, bypassed nodes go."""

from collections.abc import Mapping, Sequence

from limner.metadata.graph import Graph, Link, graph

# The names of a node's values in the order in which the page keeps them; what it keeps for itself has none.
_WIDGETS: Mapping[str, Sequence[str]] = {
    "KSampler": ("seed", "", "steps", "cfg", "sampler_name", "scheduler", "denoise"),
    "KSamplerAdvanced": (
        *("add_noise", "noise_seed", "", "steps", "cfg", "sampler_name", "scheduler"),
        *("start_at_step", "end_at_step", "return_with_leftover_noise"),
    ),
    "SamplerCustom": ("add_noise", "noise_seed", "", "cfg"),
    "RandomNoise": ("noise_seed", ""),
    "KSamplerSelect": ("sampler_name",),
    "BasicScheduler": ("scheduler", "steps", "denoise"),
    "KarrasScheduler": ("steps", "sigma_max", "sigma_min", "rho"),
    "ExponentialScheduler": ("steps", "sigma_max", "sigma_min"),
    "CFGGuider": ("cfg",),
    "RescaleCFG": ("multiplier",),
    "CLIPTextEncode": ("text",),
    "CLIPTextEncodeSDXL": ("width", "height", "crop_w", "crop_h", "target_width", "target_height", "text_g", "text_l"),
    "CLIPSetLastLayer": ("stop_at_clip_layer",),
    "EmptyLatentImage": ("width", "height", "batch_size"),
    "EmptySD3LatentImage": ("width", "height", "batch_size"),
    "CheckpointLoaderSimple": ("ckpt_name",),
    "UNETLoader": ("unet_name",),
    "VAELoader": ("vae_name",),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "StringConcatenate": ("string_a", "string_b", "delimiter"),
}
_MUTED, _BYPASSED = 2, 4  # modes
_HOPS = 100  # bypassed nodes one behind the other; a cycle of them ends there


def unfolded(record: object) -> Graph:
    """Empty unless the record is a page's; a bypassed node hands on its first input of the kind that is asked of it."""
    if not isinstance(record, dict):
        return {}
    nodes = {str(node.get("id")): node for node in _dicts(record.get("nodes"))}
    links = dict(filter(None, map(_link, _list(record.get("links")))))
    return graph(
        {
            name: {"class_type": node.get("type"), "inputs": _values(node) | _links(node, nodes, links)}
            for name, node in nodes.items()
            if node.get("mode") not in (_MUTED, _BYPASSED)
        }
    )


def _values(node: Mapping[str, object]) -> dict[str, object]:
    kept = node.get("widgets_values")
    if isinstance(kept, dict):
        return dict(kept)
    names = _WIDGETS.get(str(node.get("type")), ("value",))
    return {name: value for name, value in zip(names, _list(kept), strict=False) if name}


def _link(entry: object) -> tuple[str, tuple[Link, str]] | None:
    """[id, origin, its output, target, its input, kind], in newer pages an object."""
    if isinstance(entry, dict):
        entry = [entry.get(key) for key in ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")]
    match entry:
        case [int(number), int() | str() as begin, int(output), _, _, kind, *_]:
            return str(number), ((str(begin), output), str(kind))
    return None


def _links(
    node: Mapping[str, object], nodes: Mapping[str, dict[str, object]], links: Mapping[str, tuple[Link, str]]
) -> dict[str, object]:
    found = {str(each.get("name")): _origin(each.get("link"), nodes, links) for each in _dicts(node.get("inputs"))}
    return {name: list(link) for name, link in found.items() if link}


def _origin(link: object, nodes: Mapping[str, dict[str, object]], links: Mapping[str, tuple[Link, str]]) -> Link | None:
    """Where a link begins, past what is bypassed."""
    for _ in range(_HOPS):
        if str(link) not in links:
            return None
        (name, output), kind = links[str(link)]
        node = nodes.get(name, {})
        if node.get("mode") != _BYPASSED:
            return name, output
        link = next((each.get("link") for each in _dicts(node.get("inputs")) if each.get("type") == kind), None)
    return None


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _dicts(value: object) -> list[dict[str, object]]:
    return [each for each in _list(value) if isinstance(each, dict)]
