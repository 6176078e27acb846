"""The table of picture sets: which package, pinned to the byte, by whom, under which licence, in which style."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Package:
    """An archive of a public package registry, pinned to the byte: `client` is npm or apt."""

    client: str
    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class PictureSet:
    """Pictures by one artist in one style; `labels` names the reader (see `sources.READERS`) that finds their words.

    `margin` is left free on every side; a set that is cropped to its ink has pages of any size.
    `needs` are further packages without which the first one cannot run.
    """

    name: str
    style: str
    package: Package
    licence: str
    artist: str
    source: str
    labels: str
    margin: float = 0.0
    frame: Literal["page", "ink"] = "page"
    needs: tuple[Package, ...] = ()


def _npm(name: str, version: str, sha256: str) -> Package:
    return Package("npm", name, version, sha256)


def _dicebear(name: str, style: str, artist: str, source: str, sha256: str) -> PictureSet:
    package = _npm(f"@dicebear/{name}", "9.4.3", sha256)
    return PictureSet(name, style, package, "CC0-1.0", artist, source, "faces", margin=0.03, needs=(_DICEBEAR,))


WORDS = _npm("emojibase-data", "17.0.0", "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a")
_DICEBEAR = _npm("@dicebear/core", "9.4.3", "6ca7dae651c74ad547e548fbe7c41f49aaa377cf4617259277518389bf6b1a3d")

_SETS = (
    PictureSet(
        "fluent-3d",
        "3d render",
        _npm("@lobehub/fluent-emoji-3d", "1.1.0", "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58"),
        "MIT",
        "Microsoft Corporation",
        "https://github.com/microsoft/fluentui-emoji",
        "files",
    ),
    PictureSet(
        "noto",
        "noto style",
        _npm("@iconify-json/noto", "1.2.9", "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad"),
        "Apache-2.0",
        "Google Inc",
        "https://github.com/googlefonts/noto-emoji",
        "emoji",
    ),
    PictureSet(
        "twemoji",
        "flat emoji style",
        _npm("@iconify-json/twemoji", "1.2.5", "19046dff7d8707ce96212ec86468b36ac5f8e60409629dd13f809265c6d0ebb7"),
        "CC-BY-4.0",
        "Twitter",
        "https://github.com/twitter/twemoji",
        "emoji",
        margin=0.06,
    ),
    PictureSet(
        "fluent-flat",
        "flat fluent style",
        _npm(
            "@iconify-json/fluent-emoji-flat",
            "1.2.6",
            "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
        ),
        "MIT",
        "Microsoft Corporation",
        "https://github.com/microsoft/fluentui-emoji",
        "emoji",
    ),
    PictureSet(
        "emojitwo",
        "long shadow style",
        _npm("@iconify-json/emojione", "1.2.3", "26a14f44284407e8bcde91799388dca2bfd91dbcd55a97f425524a1c5b73610e"),
        "CC-BY-4.0",
        "EmojiTwo contributors",
        "https://github.com/EmojiTwo/emojitwo",
        "names",
    ),
    PictureSet(
        "noto-v1",
        "blob style",
        _npm("@iconify-json/noto-v1", "1.2.5", "2bf62c26c2c2884aa99e90aec942cdaee17a5921f05690694f4978ad4b017c37"),
        "Apache-2.0",
        "Google Inc",
        "https://github.com/googlefonts/noto-emoji",
        "names",
        margin=0.06,
    ),
    PictureSet(
        "fxemoji",
        "fx emoji style",
        _npm("@iconify-json/fxemoji", "1.2.2", "f3e72b3c59d05e1db03b7e308d55c0d05bd7ba3f625a90da1b79313c12858eef"),
        "Apache-2.0",
        "Mozilla",
        "https://github.com/mozilla/fxemoji",
        "names",
    ),
    PictureSet(
        "streamline-emojis",
        "outlined sticker style",
        _npm(
            "@iconify-json/streamline-emojis",
            "1.2.4",
            "5dac87c876b322500989828c5823143e0100d78881627a2e4081a4b897cbfdbc",
        ),
        "CC-BY-4.0",
        "Streamline",
        "https://github.com/webalys-hq/streamline-vectors",
        "names",
    ),
    PictureSet(
        "streamline-ultimate",
        "outlined colour icon",
        _npm(
            "@iconify-json/streamline-ultimate-color",
            "1.2.2",
            "46133a11f3734bcef29066391d7edc141ed1d8056242ddfa1b5d36ce286420b6",
        ),
        "CC-BY-4.0",
        "Streamline",
        "https://github.com/webalys-hq/streamline-vectors",
        "icons",
        margin=0.03,
    ),
    PictureSet(
        "game-icons",
        "silhouette",
        _npm("@iconify-json/game-icons", "1.2.4", "f5758efb34d91c4f50b941f355f16ee73938625e5996fabc25171288404460a4"),
        "CC-BY-3.0",
        "game-icons.net contributors",
        "https://github.com/game-icons/icons",
        "silhouettes",
    ),
    PictureSet(
        "openclipart",
        "clip art",
        Package(
            "apt",
            "openclipart-svg",
            "1:0.18+dfsg-19",
            "989712d90d57dfa3230049f553bb43b76c30ee4d4b8c5f6e106e33f7db5cbdc5",
        ),
        "public domain",
        "Open Clip Art Library contributors",
        "https://openclipart.org",
        "clipart",
        margin=0.03,
        frame="ink",
    ),
    _dicebear(
        "open-peeps",
        "hand-drawn portrait",
        "Pablo Stanley",
        "https://www.openpeeps.com",
        "65b664ec00dc69c068051461f2b5bd97c8335af676e36c284e906a3017c23d4f",
    ),
    _dicebear(
        "lorelei",
        "ink portrait",
        "Lisa Wischofsky",
        "https://www.figma.com/community/file/1198749693280469639",
        "78cbba0a6c4d14e1af7c62ffa9a73bd98a8cda02e28690110e199348cd6a9c06",
    ),
    _dicebear(
        "notionists",
        "notebook portrait",
        "Zoish",
        "https://heyzoish.gumroad.com/l/notionists",
        "edb28f4a346e50b9a810b754960cda924cfb2e05763cefddb4acb940dfb96445",
    ),
    _dicebear(
        "pixel-art",
        "pixel art",
        "DiceBear",
        "https://www.figma.com/community/file/1198754108850888330",
        "1252d798c632c20f194e7d8b2fbc18b23ad76b2511e668668d0051084bfaa754",
    ),
    PictureSet(
        "facesjs",
        "vector cartoon face",
        _npm("facesjs", "5.0.3", "5dcd38542f674a7df9d85dae2bade41dc99bdb317f6f723f1b4923aa0d0e4dda"),
        "Apache-2.0",
        "ZenGM",
        "https://github.com/zengm-games/facesjs",
        "faces",
        margin=0.03,
        frame="ink",
        needs=(
            _npm("dlv", "1.1.3", "7c316193a4d49e70b3f552e4d52573ecb5b8154075f049cb30c9c2dc9ebb7c90"),
            _npm("dset", "3.1.4", "ea5753352be6a2416c35f0f23831db3a9986c6d9183c339fbb3f11f94d4c8357"),
            _npm("svg-path-bbox", "2.1.0", "da7b6b61601dbb9613407ea39e87c955c52434f9604990529e3d5de79f4fa45b"),
            _npm("svgpath", "2.6.0", "800acf61f8659853d6f46c133a2a0c056943572840407c3db63fdaf731f12f81"),
        ),
    ),
)
SETS: Mapping[str, PictureSet] = {each.name: each for each in _SETS}
