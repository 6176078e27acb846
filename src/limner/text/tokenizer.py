"""A prompt becomes byte-pair tokens: frequent words are one token, rare ones several, and no text is unknown."""

import hashlib
import json
import lzma
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from itertools import groupby
from pathlib import Path
from unicodedata import normalize

from tokenizers import AddedToken, Encoding, Regex, decoders, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Backend
from tokenizers.models import BPE

from limner.errors import LimnerError

# Marks the last piece of a word, so that "cat" in "cat" and in "catalogue" are different tokens.
WORD_END = "</w>"
BOS, EOS = "<|startoftext|>", "<|endoftext|>"
# What CLIP calls a word: an English contraction, a run of letters, one digit, or a run of anything else but space.
WORD = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"


@dataclass(frozen=True, slots=True)
class Word:
    """A word as typed, in Unicode's composed form (NFC), and its tokens."""

    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Tokenizer:
    """CLIP's tokenizer: lower-cased byte-level BPE (Sennrich et al. 2016, arXiv:1508.07909, section 3.2; Radford et al.
    2021, arXiv:2103.00020, section 2.4), always `length` tokens long.

    The ids equal those of transformers' CLIPTokenizer for the same folder.  `learned` says of a word's first id how
    many tokens it is, if it was taught as several.
    """

    backend: Backend
    bos: str
    eos: str
    pad: str
    length: int
    learned: Mapping[int, int] = field(default_factory=dict)

    @property
    def vocab_size(self) -> int:
        return self.backend.get_vocab_size()

    @property
    def identity(self) -> str:
        """SHA-256 of what decides its ids: tokens, merges, what a text is framed with and how long it becomes."""
        merges = json.loads(self.backend.to_str())["model"]["merges"]
        told = sorted(self.backend.get_vocab().items()), merges, self.bos, self.eos, self.pad, self.length
        return hashlib.sha256(repr(told).encode()).hexdigest()

    def id_of(self, token: str) -> int:
        """The id of a token as the vocabulary spells it, e.g. `<|reserved_0|>`.  Raises LimnerError if it has none."""
        found = self.backend.token_to_id(token)
        if found is None:
            raise LimnerError(f"the tokenizer has no token {token!r}", "use one that vocab.json lists")
        return found

    @property
    def room(self) -> int:
        """How many tokens the tower reads at once between BOS and EOS."""
        return self.length - 2

    def words(self, text: str) -> tuple[Word, ...]:
        """All words of a text, however long.  Raises LimnerError if it is not Unicode text (half a surrogate pair)."""
        text = normalize("NFC", text)
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise LimnerError(f"character {error.start + 1} of the prompt is broken", "type it anew") from None
        encoding = self.backend.encode(text, add_special_tokens=False)
        tokens = zip(_words(encoding), encoding.ids, encoding.offsets, strict=True)
        groups = [list(group) for _, group in groupby(tokens, key=lambda token: token[0])]
        return tuple(
            Word(text[group[0][2][0] : group[-1][2][1]], self._spread([number for _, number, _ in group]))
            for group in groups
        )

    def framed(self, ids: Sequence[int]) -> tuple[int, ...]:
        """At most `room` tokens as the tower reads them: BOS, these, EOS, padding."""
        padding = [self.id_of(self.pad)] * (self.room - len(ids))
        return (self.id_of(self.bos), *ids, self.id_of(self.eos), *padding)

    def encode(self, text: str) -> tuple[int, ...]:
        """A text without syntax as tokens, cut to what the tower reads.  Raises LimnerError as `words` does."""
        return self.framed([number for word in self.words(text) for number in word.ids][: self.room])

    def unread(self, text: str) -> str:
        """The words of a text that `encode` cuts off, the one in which it cuts included; "" if there are none."""
        words, taken = self.words(text), 0
        for number, word in enumerate(words):
            taken += len(word.ids)
            if taken > self.room:
                return " ".join(each.text for each in words[number:])
        return ""

    def learn(self, words: Iterable[tuple[str, int]]) -> "Tokenizer":
        """The tokenizer with new words, each of so many tokens: the next free ids, in the order given.

        Gal et al. 2022 (arXiv:2208.01618), section 3.  As all words they are found in any case, but never inside
        another word.  Raises LimnerError where a word is blank, or one that the vocabulary has.
        """
        backend, learned = Backend.from_str(self.backend.to_str()), dict(self.learned)
        for word, tokens in words:
            plain = normalize("NFC", word).lower()
            if not plain.strip() or any(backend.token_to_id(known) is not None for known in (plain, plain + WORD_END)):
                raise LimnerError(f"the word {word!r} has a meaning already", "give the file another name")
            first = backend.get_vocab_size()
            whole = plain[0].isalnum() and plain[-1].isalnum()
            others = [f"<|{plain}_{n}|>" for n in range(1, tokens)]
            backend.add_tokens([AddedToken(plain, single_word=whole, normalized=True), *others])
            learned[first] = tokens
        return replace(self, backend=backend, learned=learned)

    def _spread(self, ids: Sequence[int]) -> tuple[int, ...]:
        """Ids in which a word that was taught as several tokens is as many."""
        return tuple(number + n for number in ids for n in range(self.learned.get(number, 1)))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of some tokens as the tower sees it: lower case, one space between words."""
        pieces = [self.backend.id_to_token(each) or "" for each in ids]
        return decoders.ByteLevel().decode(pieces).replace(WORD_END, " ").strip(" ")

    def save(self, folder: Path) -> None:
        """Writes a diffusers tokenizer folder: vocab.json, merges.txt, tokenizer_config.json."""
        folder.mkdir(parents=True, exist_ok=True)
        model = json.loads(self.backend.to_str())["model"]
        merges = "".join(f"{left} {right}\n" for left, right in model["merges"])
        added = {
            number: {
                "content": token.content,
                "lstrip": token.lstrip,
                "normalized": token.normalized,
                "rstrip": token.rstrip,
                "single_word": token.single_word,
                "special": token.special,
            }
            for number, token in sorted(self.backend.get_added_tokens_decoder().items())
        }
        config = {
            "added_tokens_decoder": added,
            "bos_token": self.bos,
            "eos_token": self.eos,
            "model_max_length": self.length,
            "pad_token": self.pad,
            "tokenizer_class": "CLIPTokenizer",
            "unk_token": model["unk_token"],
        }
        (folder / "vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False), encoding="utf-8")
        (folder / "merges.txt").write_text("#version: 0.2\n" + merges, encoding="utf-8")
        (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")

    @staticmethod
    def load(folder: Path) -> "Tokenizer":
        """The tokenizer of a diffusers folder.  Raises LimnerError naming the file that is missing or wrong."""
        config = _read(folder / "tokenizer_config.json")
        declared = config.get("added_tokens_decoder")
        if declared is None and (folder / "special_tokens_map.json").exists():
            config |= _read(folder / "special_tokens_map.json")  # the older layout: this file has the last word
        where = folder / "tokenizer_config.json"
        bos, eos, unk, pad = (
            _token(config.get(f"{role}_token") or default, where, special=True)
            for role, default in (("bos", BOS), ("eos", EOS), ("unk", EOS), ("pad", EOS))
        )
        length = config.get("model_max_length")
        if not isinstance(length, int) or not 2 < length < 1 << 20:  # transformers writes 1e30 for "nobody said"
            raise LimnerError(
                f"{where} does not say how many tokens the text tower reads",
                'set "model_max_length" to the tower\'s max_position_embeddings',
            )
        backend = _backend(_stored(folder, unk.content))
        for number, token in _added(folder, declared):
            backend.add_tokens([token])
            if backend.token_to_id(token.content) != number:
                raise LimnerError(f"{folder} gives {token.content!r} the id {number}, which is not free", "renumber it")
        known = {token.content for token in backend.get_added_tokens_decoder().values()}
        backend.add_special_tokens([token for token in (bos, eos, unk, pad) if token.content not in known])
        return Tokenizer(backend, bos.content, eos.content, pad.content, length)


def train(captions: Iterable[str], vocab_size: int, *, length: int, reserved: int = 16) -> Tokenizer:
    """The tokenizer whose merges join, again and again, the most frequent pair of neighbouring pieces in `captions`.

    Sennrich et al. 2016 (arXiv:1508.07909), Algorithm 1, in CLIP's layout: 256 byte units, the same units ending a
    word, the merges, then `reserved` unused tokens `<|reserved_0|>`..., BOS and EOS.  EOS comes last because it is
    found by its rank in older towers; the reserved ids let somebody teach a new word without growing the tower.
    The same captions give the same ids.  Too few captions give fewer than `vocab_size` tokens.
    Raises LimnerError if `vocab_size` leaves no room for a merge.
    """
    units = _units()
    if vocab_size <= len(units) + reserved + 2:
        raise LimnerError(
            f"a vocabulary of {vocab_size} tokens has no room for words",
            f"ask for more than {len(units) + reserved + 2}",
        )
    pupil = _backend(_model({EOS: 0}, [], EOS))
    pupil.train_from_iterator(
        captions,
        trainers.BpeTrainer(
            vocab_size=vocab_size - reserved - 2,
            min_frequency=2,
            # The trainer breaks ties by id; naming every unit first keeps ids, hence ties, free of its hash order.
            special_tokens=[AddedToken(unit, special=True, normalized=False) for unit in units],
            end_of_word_suffix=WORD_END,
            show_progress=False,
        ),
    )
    merges = [(left, right) for left, right in json.loads(pupil.to_str())["model"]["merges"]]
    return _made(merges, length, EOS, reserved)


def published(length: int, pad: str = EOS) -> Tokenizer:
    """CLIP's own vocabulary, which every Stable Diffusion reads: 49,408 tokens, the last two of them BOS and EOS.

    Radford et al. 2021 (arXiv:2103.00020), section 2.4; the merges are OpenAI's (MIT licence, see NOTICE).  It is for
    models whose file brings no words.
    """
    packed = (resources.files("limner.text") / "clip_merges.txt.xz").read_bytes()
    pairs = (line.split(" ") for line in lzma.decompress(packed).decode().splitlines())
    return _made([(left, right) for left, right in pairs], length, pad)


def _units() -> list[str]:
    """The 256 bytes, and the same ending a word; ByteLevel's alphabet in code point order is CLIP's order."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    return [*letters, *(letter + WORD_END for letter in letters)]


def _made(merges: list[tuple[str, str]], length: int, pad: str, reserved: int = 0) -> Tokenizer:
    """A tokenizer in CLIP's layout: units, what the merges join, reserved tokens, BOS and EOS."""
    spare = [f"<|reserved_{number}|>" for number in range(reserved)]
    order = dict.fromkeys([*_units(), *(left + right for left, right in merges), *spare, BOS, EOS])
    backend = _backend(_model({token: number for number, token in enumerate(order)}, merges, EOS))
    backend.add_tokens([AddedToken(token, special=False, normalized=False) for token in spare])
    special = dict.fromkeys((BOS, EOS, pad))
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return Tokenizer(backend, bos=BOS, eos=EOS, pad=pad, length=length)


def _model(vocab: dict[str, int], merges: list[tuple[str, str]], unk: str) -> BPE:
    return BPE(vocab=vocab, merges=merges, unk_token=unk, end_of_word_suffix=WORD_END)


def _backend(model: BPE) -> Backend:
    backend = Backend(model)
    backend.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(WORD), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return backend


def _words(encoding: Encoding) -> list[int]:
    """The word of each token, counted from 0.  Pieces that lower-casing cut from one character are one word."""
    words: list[int] = []
    piece, reach = None, 0
    for here, (start, stop) in zip(encoding.word_ids, encoding.offsets, strict=True):
        same = bool(words) and (here == piece or start < reach)
        words.append((words[-1] if words else -1) + (not same))
        piece, reach = here, stop
    return words


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LimnerError(f"{path} is missing", "give a complete diffusers tokenizer folder") from None
    except ValueError as error:
        raise LimnerError(f"{path} is not JSON: {error}", "fetch the file again") from None
    if not isinstance(found, dict):
        raise LimnerError(f"{path} is not a JSON object", "fetch the file again")
    return found


def _stored(folder: Path, unk: str) -> BPE:
    """Ids and merges, from vocab.json and merges.txt or from the one file newer transformers write instead."""
    single = folder / "tokenizer.json"
    try:
        if single.exists() and not (folder / "vocab.json").exists():
            model = json.loads(single.read_text(encoding="utf-8"))["model"]
            pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
            return _model(model["vocab"], [(left, right) for left, right in pairs], unk)
        return _model(*BPE.read_file(str(folder / "vocab.json"), str(folder / "merges.txt")), unk)
    except Exception as error:  # the library raises bare Exception for a missing or malformed file
        raise LimnerError(f"{folder} holds no BPE vocabulary: {error}", "it needs vocab.json and merges.txt") from None


def _token(value: object, where: Path, special: bool) -> AddedToken:
    if isinstance(value, str):
        return AddedToken(value, special=special, normalized=not special)
    if not isinstance(value, dict) or not isinstance(value.get("content"), str):
        raise LimnerError(f"{where} has {value!r} where a token belongs", "fetch the file again")
    flags = {name: bool(value.get(name, False)) for name in ("single_word", "lstrip", "rstrip", "normalized")}
    return AddedToken(value["content"], special=bool(value.get("special", special)), **flags)


def _added(folder: Path, declared: object) -> list[tuple[int, AddedToken]]:
    """The tokens matched before any BPE, by id: as the config declares them, or else as an older or newer file does."""
    where = folder / "tokenizer_config.json"
    pairs = list(declared.items()) if isinstance(declared, dict) else []
    if declared is None and (where := folder / "added_tokens.json").exists():
        pairs = [(number, content) for content, number in _read(where).items()]
    elif declared is None and (where := folder / "tokenizer.json").exists():
        listed = _read(where).get("added_tokens")
        pairs = [(entry.get("id"), entry) for entry in (listed if isinstance(listed, list) else [])]
    return sorted(
        ((int(number), _token(value, where, special=False)) for number, value in pairs), key=lambda pair: pair[0]
    )
