"""What is published is told with its sources, and what lies on a disk is recognised by how it is built."""

import re
from pathlib import Path

import course
import pytest

from limner.bundle import acceptance, catalogue, open_bundle, shelve
from limner.bundle.catalogue import Entry
from limner.bundle.export import export
from limner.bundle.fetch import HUB_ID, Remote, wanted
from limner.bundle.kind import licence_of
from limner.bundle.layout import header, write_json
from limner.bundle.published import Origin, licence_named, licences, published, quoted
from limner.bundle.save import save_folder
from limner.bundle.single import write_single
from limner.errors import LimnerError
from limner.network.config import AutoencoderConfig, UNetConfig

LABELS = "SDv1.5", "SDv2.1", "SDXL"  # the assignment's own
WIDE = {"in_channels": 4, "out_channels": 4, "residuals": 2, "groups": 32, "eps": 1e-5}
BUILT = {
    "SDv1.5": UNetConfig(
        **WIDE, sample_size=64, widths=(320, 640, 1280, 1280), heads=(8,) * 4, depths=(1, 1, 1, 0), mid_depth=1,
        context_dim=768, linear=False,
    ),
    "SDv2.1": UNetConfig(
        **WIDE, sample_size=96, widths=(320, 640, 1280, 1280), heads=(5, 10, 20, 20), depths=(1, 1, 1, 0), mid_depth=1,
        context_dim=1024, linear=True,
    ),
    "SDXL": UNetConfig(
        **WIDE, sample_size=128, widths=(320, 640, 1280), heads=(5, 10, 20), depths=(0, 2, 10), mid_depth=10,
        context_dim=2048, linear=True, added_size_dim=256, added_dim=2816,
    ),
}  # fmt: skip
VAE = AutoencoderConfig(
    in_channels=3, out_channels=3, latent_channels=4, sample_size=512, widths=(128, 256, 512, 512), residuals=2,
    groups=32, scaling=0.18215,
)  # fmt: skip


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIMNER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def outline(folder: Path, label: str, prediction: str) -> Path:
    """The configs of a model of full size, without weights."""
    write_json(folder / "model_index.json", {})
    write_json(folder / "unet" / "config.json", BUILT[label].write())
    write_json(folder / "vae" / "config.json", VAE.write())
    write_json(folder / "scheduler" / "scheduler_config.json", {"prediction_type": prediction})
    return folder


def test_the_course_has_its_labels_with_sources_and_terms() -> None:
    assert [label for label, model in published().items() if model.sources] == list(LABELS)
    for label in LABELS:
        model = published()[label]
        assert len(model.sources) > 1, "one may be gone tomorrow"
        assert all(HUB_ID.fullmatch(each.hub) and each.told for each in model.sources)
        assert len(model.licence.restrictions) == 11
        assert model.licence.asks
        assert model.defaults.keys() == {"sampler", "steps", "guidance"}


def test_a_checksum_says_who_quotes_it() -> None:
    sums = [(each.sha256, each.by) for model in published().values() for each in model.files.values()]
    assert len({sha256 for sha256, _ in sums}) == len(sums) == 9
    assert all(re.fullmatch("[0-9a-f]{64}", sha256) and by.startswith("github.com/") for sha256, by in sums)
    found = quoted("31e35c80fc4829d14f90153f4c74cd59c90b779f6afe05a74cd6120b893f7e5b")
    assert found is not None
    assert found[:2] == ("SDXL", "sd_xl_base_1.0.safetensors")
    assert quoted("0" * 64) is None


@pytest.mark.parametrize("said", ["creativeml-openrail-m", " 'CreativeML-OpenRAIL-M' "])
def test_licences_go_by_the_names_that_cards_use(said: str) -> None:
    assert licence_named(said) is licences()["creativeml-openrail-m"]
    assert licence_named("wtfpl") is None


def test_other_terms_are_other_terms() -> None:
    digests = {each.digest for each in licences().values()}
    assert len(digests) == len(licences())


@pytest.mark.parametrize("label", LABELS)
def test_a_model_is_known_by_how_it_is_built(label: str, tmp_path: Path) -> None:
    says = published()[label].prediction
    about = shelve.described("mine", outline(tmp_path / "model", label, says))
    assert (about.label, about.size, about.family) == (label, published()[label].size, published()[label].family)
    assert about.licence == published()[label].licence.key, "who made it of that model is bound by its terms"
    other = "epsilon" if says == "v_prediction" else "v_prediction"
    assert shelve.described("mine", outline(tmp_path / "other", label, other)).label == ""


def test_its_own_licence_comes_first(tmp_path: Path) -> None:
    folder = outline(tmp_path / "model", "SDv1.5", "epsilon")
    (folder / "README.md").write_text("---\ntags: [x]\nlicense: openrail++\n---\nlicense: mit\n")
    assert shelve.described("mine", folder).licence == "openrailpp"
    (folder / "README.md").write_text("---\nlicense: wtfpl\n---\n")
    assert shelve.described("mine", folder).licence == "wtfpl"
    assert licence_of("wtfpl", "SDv1.5") is None


def test_a_small_model_has_no_label(folder: Path) -> None:
    assert shelve.described("tiny", folder).label == ""


def test_a_label_leads_to_the_one_model_built_like_it(folder: Path) -> None:
    with pytest.raises(LimnerError, match="SDXL is not here; limner models fetch SDXL"):
        catalogue.find("SDXL")
    shelve.noted(Entry("one", str(folder), "SDXL"))
    assert catalogue.find("SDXL") == folder
    assert open_bundle("one").defaults["guidance"] == 3.0, "its own limner.json says so"
    assert open_bundle("one").defaults["sampler"] == "dpmpp_2m"
    shelve.noted(Entry("two", str(folder), "SDXL"))
    with pytest.raises(LimnerError, match="SDXL may be one or two here; name the one you mean"):
        catalogue.find("SDXL")


def test_who_comes_second_moves_nothing(folder: Path, own: Path, tmp_path: Path) -> None:
    (own / "models").mkdir(parents=True)
    (own / "models" / "one.safetensors").write_text("the first")
    second = tmp_path / "second.safetensors"
    second.write_text("the second")
    with pytest.raises(LimnerError, match=r"one\.safetensors cannot be made: File exists"):
        shelve.settle(second, Entry("one", ""))
    shelve.noted(Entry("two", str(folder)))
    with pytest.raises(LimnerError, match="the name two is taken"):
        shelve.settle(second, Entry("two", ""))
    assert second.read_text() == "the second"
    assert sorted(each.name for each in (own / "models").iterdir()) == ["one.safetensors", "two.json"]


@pytest.mark.parametrize("family", course.FAMILY)
def test_a_single_file_is_added_copied_and_passed_on(family: str, own: Path, tmp_path: Path) -> None:
    file = tmp_path / "v1-5 pruned.safetensors"
    write_single(course.model(family), file)
    about = shelve.add(file, None, True)
    assert about.name == "v1-5-pruned"
    assert Path(about.path) == own / "models" / "v1-5-pruned.safetensors"
    assert about.prediction == course.SAYS[family]
    folder, single = export(about.name, tmp_path / "folder"), export(about.name, tmp_path / "again.safetensors")
    assert {open_bundle(each).identity for each in (file, folder, single)} == {about.identity}
    assert shelve.removed(about.name).own
    assert list((own / "models").iterdir()) == []


NOTES = {
    "a path that is a number": '{"name": "odd", "path": 7}',
    "sums that are none": '{"name": "odd", "path": "/x", "sha256": null}',
    "a list": "[1]",
    "brackets without end": "[" * 100_000,
}


@pytest.mark.parametrize("kind", NOTES)
def test_a_damaged_note_is_said_and_the_others_serve(kind: str, folder: Path, own: Path) -> None:
    shelve.add(folder, "good")
    (own / "models" / "odd.json").write_text(NOTES[kind])
    faults = {each.name: each.fault for each in shelve.listed()}
    assert "odd.json is damaged: " in faults["odd"]
    assert faults["good"] == ""
    with pytest.raises(LimnerError, match=r"odd.json is damaged: .*; limner models remove odd"):
        catalogue.find("odd")
    shelve.removed("odd")
    assert "odd" not in catalogue.known()


@pytest.mark.parametrize("path", ["{0}/other", "{0}/home/models/..", "{0}/home/models/good"])
def test_a_note_does_not_lead_to_what_is_not_its_own(path: str, own: Path, tmp_path: Path) -> None:
    """Whoever may write a note may not thereby have any folder deleted."""
    for place in ("other", "home/models/good"):
        (tmp_path / place).mkdir(parents=True)
    write_json(catalogue.note("odd"), {"name": "odd", "path": path.format(tmp_path), "own": True})
    with pytest.raises(LimnerError, match="which limner might delete, is not odd in"):
        catalogue.find("odd")
    shelve.removed("odd")
    assert (tmp_path / "other").is_dir()
    assert (own / "models" / "good").is_dir()


def test_links_in_circles_are_refused(own: Path, folder: Path) -> None:
    (own / "models" / "ring").mkdir(parents=True)
    write_json(own / "models" / "ring" / "model_index.json", {})
    (own / "models" / "ring" / "me").symlink_to("me")
    with pytest.raises(LimnerError, match="ring/me leads out of"):
        catalogue.find("ring")


def test_a_link_keeps_its_name_and_what_lies_beside_it(folder: Path, tmp_path: Path) -> None:
    """Stores of models are linked to under names that people know: a hub's cache is one."""
    (tmp_path / "0123abcd").symlink_to(folder)
    (tmp_path / "known").symlink_to(tmp_path / "0123abcd")
    noted = shelve.add(tmp_path / "known")
    assert (noted.name, noted.path) == ("known", str(tmp_path / "known"))


def test_what_is_no_name_adds_nothing(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(LimnerError, match="'' is no name for a model"):
        shelve.add(folder, "")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(LimnerError, match=r"a\.txt is no safetensors file"):
        shelve.add(tmp_path / "a.txt")


def test_a_single_files_metadata_carry_the_licence(tmp_path: Path) -> None:
    save_folder(course.model("sd15"), tmp_path / "model")
    (tmp_path / "model" / "README.md").write_text("---\nlicense: creativeml-openrail-m\n---\n")
    with pytest.raises(LimnerError, match="not accepted here yet"):
        export(str(tmp_path / "model"), tmp_path / "out.safetensors")
    acceptance.accept(licences()["creativeml-openrail-m"], "model")
    export(str(tmp_path / "model"), tmp_path / "out.safetensors")
    told = str(header(tmp_path / "out.safetensors")[1])
    assert "nothing that exploits or harms minors" in told
    assert "CreativeML Open RAIL-M" in told
    assert acceptance.licence(str(tmp_path / "out.safetensors")) is licences()["creativeml-openrail-m"]


def files(*names: str) -> dict[str, Remote]:
    return {name: Remote(name, 1) for name in names}


def test_only_what_is_read_is_fetched() -> None:
    index, unet = "model_index.json", "unet/diffusion_pytorch_model"
    every = files(
        index, "unet/config.json", f"{unet}.safetensors", f"{unet}.fp16.safetensors", f"{unet}.bin",
        f"{unet}.non_ema.bin", "vae/config.json", "vae/diffusion_pytorch_model.safetensors", "text_encoder/config.json",
        "text_encoder/model.safetensors", "tokenizer/vocab.json", "tokenizer/merges.txt",
        "scheduler/scheduler_config.json", "safety_checker/model.safetensors", "v1-5.ckpt", "v1-5.safetensors",
        "LICENSE.md",
    )  # fmt: skip
    plain = set(wanted(Origin("a/b"), every, ""))
    assert plain == set(every) - {
        f"{unet}.fp16.safetensors", f"{unet}.bin", f"{unet}.non_ema.bin", "safety_checker/model.safetensors",
        "v1-5.ckpt", "v1-5.safetensors",
    }  # fmt: skip
    half = set(wanted(Origin("a/b"), every, "fp16"))
    assert half == plain - {f"{unet}.safetensors"} | {f"{unet}.fp16.safetensors"}
    assert wanted(Origin("a/b", file="v1-5.safetensors"), every, "") == ["v1-5.safetensors", "LICENSE.md"]


def test_shards_come_with_their_index() -> None:
    shards = [f"unet/diffusion_pytorch_model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    index = "unet/diffusion_pytorch_model.safetensors.index.json"
    half = "unet/diffusion_pytorch_model.fp16-00001-of-00001.safetensors"
    every = files("model_index.json", "unet/config.json", *shards, index, half)
    assert set(wanted(Origin("a/b"), every, "")) == {"model_index.json", "unet/config.json", *shards, index}


def test_pickles_and_doubt_are_refused() -> None:
    with pytest.raises(LimnerError, match="a/b has unet as pickles only"):
        wanted(Origin("a/b"), files("model_index.json", "unet/diffusion_pytorch_model.bin"), "")
    with pytest.raises(LimnerError, match=r"are one.safetensors, two.safetensors; say which with --file"):
        wanted(Origin("a/b"), files("one.safetensors", "two.safetensors"), "")
    with pytest.raises(LimnerError, match="has no file three"):
        wanted(Origin("a/b", file="three"), files("one.safetensors"), "")
