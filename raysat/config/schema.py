"""What a trial is: frozen, typed configuration, its canonical JSON and its hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache, reduce
from operator import getitem
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, Self

from pydantic import BaseModel, Field, model_validator

from raysat.config.families.base import Bands, Spec
from raysat.config.families.images import Augment, NoAugment
from raysat.config.families.learning import Adam, Average, NoAverage, Optim, Swa
from raysat.config.families.losses import CrossEntropy, Loss
from raysat.config.families.readouts import NoReadout, Readout
from raysat.config.families.reweight import NoReweight, Reweight
from raysat.config.families.samplers import Sampler, UniformSampler
from raysat.config.families.schedules import Constant, Schedule
from raysat.config.families.second_stages import NoSecondStage, SecondStage
from raysat.config.families.sharpness import NoSharpness, Sharpness
from raysat.config.families.synthetic import Dcgan, Flow, NoSynthetic, Synthetic
from raysat.config.plugins.settings import METHODS, AverageSettings, Family, ModelSettings, PluginSettings


class Data(Spec):
    """Which bands of the patches the model sees."""

    bands: Bands = Field(
        default="all",
        description="all, the name of a composite that means the same on every sensor (such as agriculture), or a list "
        "of band numbers and names, in the order that the model gets them.",
    )
    drop: Annotated[tuple[int | str, ...], Field(strict=False)] = Field(
        default=(),
        description="Band numbers and names to leave out of these; {bands: all, drop: [9]} is all but the ninth.",
    )


class SettingMethod(NamedTuple):
    """What is said of a setting that is a method by itself."""

    summary: str  # a line, without a full stop
    paper: str
    cost: str


class Model(Spec):
    """The network: any classifier of timm, on any number of bands.

    Cost: that of the model: ResNet-50 takes about two and a half times the operations of ResNet-18.
    Paper: Wightman 2019, "PyTorch Image Models".
    """

    cited: ClassVar[str] = 'Wightman 2019, "PyTorch Image Models" (timm)'
    methods: ClassVar[Mapping[str, SettingMethod]] = {
        "pretrained": SettingMethod(
            summary="start from ImageNet weights",
            paper='Deng et al. 2009, "ImageNet: A Large-Scale Hierarchical Image Database".',
            cost="none in training; a file for each model is fetched once.",
        ),
        "weights": SettingMethod(
            summary="start from weights of satellite images",
            paper='Stewart et al. 2022, "TorchGeo: Deep Learning With Geospatial Data".',
            cost="none in training; a file of 45 MB to 1.2 GB is fetched once.",
        ),
        "trains": SettingMethod(
            summary="train the classifier or the last stages alone",
            paper='Yosinski et al. 2014, "How transferable are features in deep neural networks?".',
            cost="less than that of all: no gradient goes through what is fixed.",
        ),
        "layer_decay": SettingMethod(
            summary="lower learning rates for layers nearer to the input",
            paper='Bao et al. 2022, "BEiT: BERT Pre-Training of Image Transformers".',
            cost="none.",
        ),
    }

    name: str = Field(
        default="resnet18",
        min_length=1,
        description="A model of timm, such as resnet18, resnet50 or efficientnet_b4; test_resnet is its smallest "
        "ResNet, to try things on. resnet18 as in Rawal & Pradhan 2020, Table 2.",
    )
    pretrained: bool = Field(
        default=False,
        description="Whether training starts from timm's ImageNet weights, fetched once. By default it starts at "
        "random, which every band composition can.",
    )
    stem: Literal["native", "adapter"] = Field(
        default="native",
        description="How any number of bands enters the network: native widens its first layer; adapter puts layers "
        "before it that make three channels of them, as in Rawal & Pradhan 2020's code.",
    )
    classifier: Literal["linear", "cosine"] = Field(
        default="linear",
        description="The last layer: linear, or cosine, whose scores are cosines between features and class weights, "
        "as in the code of Cao et al. 2019 for LDAM.",
    )
    weights: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="Weights of satellite images to start from: torchgeo: and their name, of which "
        "docs/methods/weights.md has a list, or the path of a .safetensors or .pth file. By default there are none.",
    )
    weights_scale: Annotated[float, Field(gt=0, le=1e9)] | Literal["standardised"] = Field(
        default=1.0,
        description="What a value of the store is multiplied by to be in the units that the weights were trained on: "
        "1 for Sentinel-2 levels, 10000 for reflectances in [0, 1]; standardised gives them values without units.",
    )
    weights_hash: Annotated[str, Field(pattern="^[0-9a-f]{16}$")] | None = Field(
        default=None,
        description="Hash of the weights and of what is said of their bands. The plan fills it in; where it is "
        "written, other weights are refused.",
    )
    trains: Literal["all", "head"] | Annotated[int, Field(ge=1, le=100)] = Field(
        default="all",
        description="What of the network training moves: all, head (the classifier alone: a linear probe), or a "
        "number of stages from the last, with the classifier; the rest, batch norm included, stays as it is.",
    )
    layer_decay: float = Field(
        default=1.0,
        ge=0.01,
        le=1,
        description="What the learning rate is multiplied by from each layer to the one before it: 0.65 to 0.75 for "
        "ViTs in the paper; 1 gives all layers the same.",
    )

    @model_validator(mode="after")
    def _starts_once(self) -> Self:
        if self.weights is not None and self.pretrained:
            raise ValueError("weights and pretrained both say where training starts: leave one out")
        if self.weights is None and self.weights_hash is not None:
            raise ValueError("weights_hash needs weights, whose hash it is")
        if self.weights is None and self.weights_scale != 1:
            raise ValueError("weights_scale needs weights, whose units it is for: leave it out or set it to 1")
        own = self.weights is not None or self.trains != "all" or self.layer_decay != 1
        if self.stem == "adapter" and own:
            raise ValueError("stem: adapter begins with layers of its own: weights, trains and layer_decay need native")
        return self


Network = Annotated[Model | ModelSettings, Family("model")]  # of timm, which has no kind, or of a plugin


class Config(Spec):
    """One arm: everything that decides a trained model but its seed and its data."""

    data: Data = Field(default=Data(), description="Which bands of the patches the model sees.")
    synthetic: Synthetic = Field(default=NoSynthetic(), description="Generated patches beside the real ones.")
    model: Network = Field(default=Model(), description="The network.")
    optim: Optim = Field(default=Adam(), description="The optimiser, and how long it trains.")
    loss: Loss = Field(default=CrossEntropy(), description="What training minimises.")
    reweight: Reweight = Field(default=NoReweight(), description="What each class counts in the loss.")
    sampler: Sampler = Field(default=UniformSampler(), description="Which training patches an epoch draws.")
    schedule: Schedule = Field(default=Constant(), description="How the learning rate moves over training.")
    average: Average = Field(default=NoAverage(), description="Whether weights are averaged over training.")
    augment: Augment = Field(default=NoAugment(), description="What is done to training patches.")
    sharpness: Sharpness = Field(default=NoSharpness(), description="Whether steps look for flat minima.")
    second_stage: SecondStage = Field(
        default=NoSecondStage(), description="What is trained once more after the network, on balanced classes."
    )
    readout: Readout = Field(default=NoReadout(), description="How class scores are read from the trained weights.")

    @property
    def epochs(self) -> int:
        """How long training is, a second stage included."""
        return self.optim.epochs + self.second_stage.epochs

    @property
    def forward_passes(self) -> int:
        """Images that pass through the model in training for each patch of a batch."""
        return self.augment.forward_passes * self.sharpness.forward_passes

    def identity(self) -> dict[str, Any]:
        """Return the settings that name a trial, as JSON: those of ``_LATER`` only where they are not the default."""
        settings = self.model_dump(mode="json")
        for (*section, name), default in _later_defaults():
            own = settings[section[0]] if section else settings
            if own.get(name) == default:
                own.pop(name, None)
        if settings["model"].get("weights_hash"):
            settings["model"].pop("weights")  # the same content is the same work, wherever it lies
        return settings


# Came after ids were first made: left out of these at their defaults, so that the ids of older trials stay.
_LATER: Final = (
    "sharpness", "second_stage", "readout",
    "model.weights", "model.weights_scale", "model.weights_hash", "model.trains", "model.layer_decay",
)  # fmt: skip


@cache
def _later_defaults() -> tuple[tuple[tuple[str, ...], Any], ...]:
    """The settings that came later, each by its path, with their defaults as JSON."""
    defaults = Config().model_dump(mode="json")
    paths = [tuple(key.split(".")) for key in _LATER]
    return tuple((path, reduce(getitem, path, defaults)) for path in paths)


def variants(section: str, of: type[Spec] = Config) -> dict[str, type[Spec]]:
    """Return the members of a section's family by ``kind``; one without a kind, such as timm's models, under ``""``.

    Those of plugins are among them, as far as the user has named these.
    """
    annotation: Any = of.by_key()[section].annotation
    models: tuple[type[Spec], ...] = getattr(annotation, "__args__", (annotation,))
    own = [model for model in models if not issubclass(model, PluginSettings)]
    found = {str(model.model_fields["kind"].default) if "kind" in model.model_fields else "": model for model in own}
    return found | METHODS.of(section) if of is Config else found


class Trial(Spec):
    """One configuration with one seed."""

    config: Config
    seed: Annotated[int, Field(ge=0, lt=2**32)]


class Generation(Spec):
    """One generator: a class of a store's train split in some bands, and how many patches to make of it.

    What ``generator`` says of classes, bands and amounts is resolved here and left at its defaults there, so that equal
    work is equal whichever way it was asked for.
    """

    label: Annotated[int, Field(ge=0, lt=256)]
    bands: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    patches: Annotated[int, Field(ge=1, lt=2**32)]
    generator: Annotated[Dcgan | Flow, Field(discriminator="kind")]


_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value: keys sorted, no spaces, so that equal values have equal text."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return _CANONICAL.encode(value)


def canonical_object(texts: Mapping[str, str]) -> str:
    """Return the canonical JSON of an object whose values are given as theirs, which many may have in common."""
    return "{" + ",".join(f"{_CANONICAL.encode(key)}:{text}" for key, text in sorted(texts.items())) + "}"


def digest(value: object) -> str:
    """Return the first 16 hex digits of the SHA-256 of a value's canonical JSON: an id, safe as a file name."""
    return digest_text(canonical_json(value))


def digest_text(text: str) -> str:
    """Return the digest of a value whose canonical JSON is this text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def average_id(average: Average, epochs: int) -> str:
    """Name an average that is read along a trajectory: SWA's snapshots depend on how long training is."""
    spec = average.model_dump(mode="json")
    return digest({**spec, "epochs": epochs} if isinstance(average, Swa | AverageSettings) else spec)
