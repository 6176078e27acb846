"""Pictures of ComfyUI: from the node that saved one back to the sampler that began it, and what stands between."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from limner.metadata.emphasis import from_comfy
from limner.metadata.graph import Graph, Link, Node, graph, source, text, upstream, value
from limner.metadata.reading import Reading, parsed, plain, seeded, short, spelt, understood, walked
from limner.metadata.workflow import unfolded

# Nodes that limner understands wherever they stand: without them an ordinary picture is not made, or they only hand on.
_UNDERSTOOD = {"CheckpointLoader", "CheckpointLoaderSimple", "CLIPTextEncode", "CLIPTextEncodeSDXL", "CLIPSetLastLayer"}
_UNDERSTOOD |= {"ConditioningConcat", "ConditioningCombine", "ConditioningZeroOut", "EmptyLatentImage", "RescaleCFG"}
_UNDERSTOOD |= {"KSamplerSelect", "BasicScheduler", "KarrasScheduler", "ExponentialScheduler", "RandomNoise"}
_UNDERSTOOD |= {"CFGGuider", "BasicGuider", "VAEDecode", "VAEDecodeTiled", "Reroute", "PrimitiveNode"}
_UNDERSTOOD |= {"SaveImage", "SaveAnimatedWEBP", "PreviewImage"}
_ENDS = ("Save", "Preview", "")  # how the kinds of nodes begin that end a graph, the surest first
_MOST = 20  # of such ends, and of passes, that anybody means
_SIDES = ("positive", "negative")


@dataclass(frozen=True, slots=True)
class _Said:
    """What is gathered on the way: nodes that were taken in, and what has no words in a wish."""

    nodes: Graph
    used: set[str] = field(default_factory=set)
    unmet: list[str] = field(default_factory=list)

    def value(self, node: Node | None, *names: str) -> object:
        """The first of these inputs that is known."""
        found = (value(self.nodes, node, name, self.used) for name in names)
        return next((each for each in found if each is not None), None)


def comfy(prompt: str, workflow: str = "") -> Reading | None:
    """From the graph that was run, else from the one that was drawn; None where neither leads to a sampler."""
    for nodes, raw in ((graph(parsed(prompt)), prompt), (unfolded(parsed(workflow)), workflow)):
        if found := _reading(nodes, raw):
            return found
    return None


def _reading(nodes: Graph, raw: str) -> Reading | None:
    passes = _passes(nodes)
    if not passes:
        return None
    end, first = passes[0], passes[-1]
    said = _Said(nodes, {first.name})
    if (saved := sum(node.kind.startswith(_ENDS[0]) for node in nodes.values())) > 1:
        said.unmet.append(f"one of {saved} pictures that the graph saved: it does not say which")
    fields, settings = _walk(said, first)
    guider = source(nodes, first, "guider") or first
    model = _model(said, guider)
    fields |= {
        "prompt": _prompt(said, guider, "positive"),
        "negative": _prompt(said, guider, "negative") if "negative" in guider.links else "",
        "guidance": said.value(guider, "cfg") if guider.kind != "BasicGuider" else 1.0,
        "rescale": said.value(_nearest(nodes, guider, "RescaleCFG"), "multiplier"),
        "clip_skip": _layer(said.value(_nearest(nodes, guider, "CLIPSetLastLayer"), "stop_at_clip_layer")),
        **_size(said, first),
    }
    wish, unmet = understood(fields, [*said.unmet, *_others(said, end, passes[1:-1])])
    return Reading("ComfyUI", raw, wish, unmet, model, settings)


def _passes(nodes: Graph) -> list[Node]:
    """The node that ends the graph and the samplers before it, the last first; empty without a sampler.

    Where several end it, the first that was given a sampler is taken: a graph does not say which picture is this one.
    """
    followed = {other for node in nodes.values() for other, _ in node.links.values()}
    ends = [node for node in nodes.values() if node.name not in followed]
    ends.sort(key=lambda node: next(rank for rank, begins in enumerate(_ENDS) if node.kind.startswith(begins)))
    for end in ends[:_MOST]:
        found, names = [end], list(end.links)
        while len(found) < _MOST and (step := next(_samplers(nodes, found[-1], names), None)) and step not in found:
            found.append(step)
            names = ["latent_image"]
        if len(found) > 1:
            return found
    return []


def _samplers(nodes: Graph, node: Node, names: Sequence[str]) -> Iterator[Node]:
    starts = [other for name in names if (other := source(nodes, node, name))]
    return (each for each in upstream(nodes, starts) if _samples(each))


def _samples(node: Node) -> bool:
    return "latent_image" in node.links and ("positive" in node.links or "guider" in node.links)


def _nearest(nodes: Graph, node: Node, kind: str) -> Node | None:
    return next((each for each in upstream(nodes, [node]) if each.kind == kind), None)


def _walk(said: _Said, node: Node) -> tuple[dict[str, object], dict[str, str]]:
    """How the sampler walks: its fields of a wish, and the same in ComfyUI's words."""
    sigmas, method, noise = (source(said.nodes, node, name) or node for name in ("sigmas", "sampler", "noise"))
    spacing = next((each for each in upstream(said.nodes, [sigmas]) if "steps" in {*each.values, *each.links}), sigmas)
    sampler = said.value(method, "sampler_name") or (_spelled(method.kind, "Sampler") if method is not node else "")
    schedule = said.value(spacing, "scheduler") or (_spelled(spacing.kind, "Scheduler") if spacing is not node else "")
    steps, seed = said.value(spacing, "steps"), said.value(noise, "seed", "noise_seed")
    fields, strange = walked(sampler, schedule)
    said.used.add(method.name)
    said.unmet.extend([*strange, *_partly(said, node, spacing)])
    fields |= {"steps": steps, "seed": seeded(seed), "eta": said.value(method, "eta")}
    return fields, plain({"sampler": sampler, "scheduler": schedule, "steps": steps, "seed": seed})


def _spelled(kind: str, noun: str) -> str:
    """SamplerEulerAncestral is euler_ancestral, KarrasScheduler karras."""
    name = kind.removeprefix(noun).removesuffix(noun)
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() if name != kind else ""


def _partly(said: _Said, node: Node, spacing: Node) -> Iterator[str]:
    """What makes it less than a walk from pure noise to the picture."""
    denoise = said.value(spacing, "denoise")
    if isinstance(denoise, float | int) and denoise < 1:
        yield f"denoise {denoise}: it did not start from pure noise"
    start, stop, steps = (said.value(node, name) for name in ("start_at_step", "end_at_step", "steps"))
    if start:
        yield f"started at step {short(start)}"
    if isinstance(stop, int) and isinstance(steps, int) and stop < steps:
        yield f"stopped at step {stop} of {steps}"
    if said.value(node, "add_noise") in ("disable", False):
        yield "no noise added"
    if spacing.kind in ("KarrasScheduler", "ExponentialScheduler"):
        low, high = (said.value(spacing, name) for name in ("sigma_min", "sigma_max"))
        yield f"noise levels from {short(high)} to {short(low)}"


def _prompt(said: _Said, guider: Node, side: str) -> str | None:
    """The texts that this side's conditioning came from, in AUTOMATIC1111's spelling."""
    begin = "conditioning" if guider.kind == "BasicGuider" else side
    texts, seen, joins = list[str](), set[Link](), set[str]()
    waiting = [guider.links[begin]] if begin in guider.links else []
    while waiting:
        link = waiting.pop()
        node = said.nodes.get(link[0])
        if node and link not in seen:
            seen.add(link)
            if (words := _texts(said, node)) is not None:
                texts += words
            else:
                joins.add(node.kind)
                waiting += reversed(_conditionings(node, link[1], side))
    if not texts:
        said.unmet.append(f"a {side} prompt that no node says in words")
        return None
    return _joined(said, [_spelt(said, each) for each in texts], joins, side)


def _joined(said: _Said, texts: Sequence[str], joins: set[str], side: str) -> str:
    """Concatenated states are BREAK; combined ones, whose predictions ComfyUI averages, are AND with weights of one."""
    if "ConditioningCombine" not in joins or len(texts) == 1:
        return " BREAK ".join(texts)
    if side == "positive" and joins <= {"ConditioningCombine", "Reroute"}:
        return " AND ".join(f"{each} :{1 / len(texts):.4g}" for each in texts)
    said.unmet.append("the node ConditioningCombine: its prompts are taken as one")
    return " BREAK ".join(texts)


def _texts(said: _Said, node: Node) -> list[str] | None:
    """What a node that encodes text encodes; None of any other node."""
    if node.kind == "ConditioningZeroOut":
        return [""]
    names = [name for name in ("text", "text_g", "text_l") if name in node.values or name in node.links]
    found = [text(said.nodes, node, name, said.used) for name in names]
    for name, each in zip(names, found, strict=True):
        if each is None:
            said.unmet.append(f"the {name} of {node.kind}, which is not in the graph")
    if len(found) == 2 and found[1] and found[1] != found[0]:
        said.unmet.append(f"the second text tower's own words {short(found[1])!r}")
    return [each for each in found[:1] if each is not None] if names else None


def _conditionings(node: Node, output: int, side: str) -> list[Link]:
    """What a node made its conditioning of; the first of two outputs is the positive one."""
    if all(name in node.links for name in _SIDES):
        return [node.links[_SIDES[output]] if output in (0, 1) else node.links[side]]
    names = [name for name in node.links if name == side or name.startswith(("cond", "CONDITIONING"))]
    return [node.links[name] for name in names or (list(node.links) if len(node.links) == 1 else [])]


def _spelt(said: _Said, prompt: str) -> str:
    said.unmet.extend(f"embedding {name}" for name in re.findall(r"\bembedding:([^\s,()]+)", prompt)[:20])
    return spelt(prompt, from_comfy, said.unmet)


def _model(said: _Said, guider: Node) -> str:
    """The weights' file name, past all that changes them."""
    node, seen = source(said.nodes, guider, "model"), set[str]()
    while node and node.name not in seen:
        seen.add(node.name)
        if name := said.value(node, "ckpt_name", "unet_name"):
            return str(name)
        node = source(said.nodes, node, "model")
    return ""


def _layer(stop: object) -> object:
    """ComfyUI counts layers from the last, -1; that one is the model's own, and stays open."""
    return -stop if isinstance(stop, int) and stop != -1 else None


def _size(said: _Said, first: Node) -> dict[str, object]:
    """Of the empty latent that the first sampler was given."""
    start = source(said.nodes, first, "latent_image")
    for node in upstream(said.nodes, [start] if start else []):
        if node.kind.startswith("Empty") and "width" in {*node.values, *node.links}:
            said.used.add(node.name)
            batch = said.value(node, "batch_size")
            if isinstance(batch, int) and batch > 1:
                said.unmet.append(f"a batch of {batch}: all but the first began with noise of no seed of their own")
            return {"width": said.value(node, "width"), "height": said.value(node, "height")}
    said.unmet.append("no empty latent: it started from a picture")
    return {}


def _others(said: _Said, end: Node, later: Sequence[Node]) -> Iterator[str]:
    """All that the picture follows from and that was not taken in, so that nothing is lost in silence."""
    passes = {node.name for node in later}
    for node in upstream(said.nodes, [end]):
        if node.name in passes:
            yield f"another pass: {node.kind}, denoise {short(said.value(node, 'denoise') or 'unknown')}"
        elif "lora_name" in node.values:
            strength = said.value(node, "strength_model", "strength")
            yield f"LoRA {short(node.values['lora_name'])}" + (f" at {short(strength)}" if strength is not None else "")
        elif node.kind not in _UNDERSTOOD and node.name not in said.used and node is not end:
            names = (node.values[key] for key in node.values if key.endswith("_name"))
            yield f"the node {short(' '.join([node.kind, *map(str, names)]))}"
