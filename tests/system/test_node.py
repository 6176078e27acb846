"""Faces are drawn by other people's programs, which Node runs: here real Node, with a library of two lines."""

import json

import pytest

from limner.pictures.faces import draw_faces

LIBRARY = """
export const generate = (_, { gender, race }) => ({ race, hair: { id: String(Math.random()) } });
export const faceToSvgString = (face) => `<svg>${face.hair.id}</svg>`;
"""
PACKAGE = {
    "package.json": json.dumps({"name": "facesjs", "type": "module", "exports": "./index.js"}).encode(),
    "index.js": LIBRARY.encode(),
}


@pytest.mark.system
def test_node_draws_the_same_faces_every_time() -> None:
    first, again = (list(draw_faces("facesjs", {"facesjs": PACKAGE}, 8)) for _ in range(2))
    assert first == again
    assert len({svg for svg, _ in first}) == 8
    assert [attributes["gender"] for _, attributes in first] == ["female", "male"] * 4
    assert len({(attributes["gender"], attributes["race"]) for _, attributes in first}) == 8
