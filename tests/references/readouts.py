"""Readouts beside formulas written anew, SciPy, scikit-learn and searches of all there is."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from scipy.optimize import minimize
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import NearestCentroid
from torch import nn

from raysat.config.trained_prior import trained_prior
from raysat.data.stats import BandStats
from raysat.metrics.fitted_readout import FittedReadout
from raysat.training.evaluation import posterior
from raysat.training.patches import Scale
from raysat.training.readout.apply import read_logits
from raysat.training.readout.choose import balanced_accuracy, best_offsets
from raysat.training.readout.features import FeatureSums, nearest_mean
from raysat.training.readout.fit import ClassWeights, Scores, fit
from tests.helpers.training import config
from tests.references.registry import Pair, compared

COUNTS_K = np.array([600, 160, 150, 90])


def _val(patches: int = 200, classes: int = 4, seed: int = 3) -> Scores:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, patches)
    logits = rng.normal(size=(patches, classes)) + 1.5 * (labels[:, None] == np.arange(classes))
    logits += np.linspace(1.5, 0, classes)  # large classes are favoured
    return Scores(labels=labels, logits=(3 * logits).astype(np.float32))


def _nowhere() -> ClassWeights:
    raise AssertionError("not asked for")


def _fitted(readout: dict[str, object], val: Scores, classifier: ClassWeights | None = None) -> FittedReadout:
    own = config(readout=readout)
    return fit(
        own.readout,  # type: ignore[arg-type]
        classes=tuple("abcdefgh"[: val.logits.shape[1]]),
        prior_K=trained_prior(own, COUNTS_K[: val.logits.shape[1]], COUNTS_K[: val.logits.shape[1]]),
        val=lambda: val,
        classifier=_nowhere if classifier is None else lambda: classifier,
    )


def _read(readout: FittedReadout, val: Scores) -> torch.Tensor:
    return read_logits(readout, torch.from_numpy(val.logits)).softmax(dim=1)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@compared("readout.temperature", by="log loss minimised by SciPy's Nelder-Mead", within=1e-4)
def _temperature() -> Pair:
    val = _val()

    def loss(t: np.ndarray) -> float:
        p = _softmax(val.logits.astype(float) / t[0])
        return float(-np.log(p[np.arange(len(p)), val.labels]).mean())

    best = minimize(loss, [1.0], method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12}).x[0]
    return _read(_fitted({"kind": "temperature"}, val), val), _softmax(val.logits / best)


@compared("readout.logit_adjustment", by="Menon et al. 2021, eq. 9, in NumPy", within=1e-6)
def _adjusted() -> Pair:
    val, share = _val(), COUNTS_K / COUNTS_K.sum()
    ours = _read(_fitted({"kind": "logit_adjustment", "tau": 0.7}, val), val)
    powers = np.exp(val.logits.astype(float)) / share**0.7
    return ours, powers / powers.sum(axis=1, keepdims=True)


@compared("readout.logit_adjustment", by="tau by a look at each", within=0)
def _chosen_tau() -> Pair:
    val, share = _val(), COUNTS_K / COUNTS_K.sum()
    taus = np.arange(21) / 10
    found = [balanced_accuracy_score(val.labels, (val.logits - t * np.log(share)).argmax(axis=1)) for t in taus]
    best = min(taus[np.isclose(found, max(found))], key=lambda t: abs(t - 1))
    return _fitted({"kind": "logit_adjustment", "tau": None}, val).chosen["tau"], best


@compared("readout.prior", by="Saerens et al. 2002, eq. 2.4, in NumPy", within=1e-6)
def _prior() -> Pair:
    val, share, there = _val(), COUNTS_K / COUNTS_K.sum(), np.array([0.1, 0.2, 0.3, 0.4])
    ours = _read(_fitted({"kind": "prior", "shares": [0.1, 0.2, 0.3, 0.4]}, val), val)
    p = _softmax(val.logits.astype(float)) * there / share
    return ours, p / p.sum(axis=1, keepdims=True)


@compared("readout.tau_norm", by="Kang et al. 2020, eq. 3: predictions of scaled weights", within=0)
def _tau_norm() -> Pair:
    rng = np.random.default_rng(5)
    features, weights, biases = rng.normal(size=(300, 8)), rng.normal(size=(4, 8)), rng.normal(size=4)
    weights *= np.array([[3.0], [1.5], [1.0], [0.4]])
    logits = (features @ weights.T + biases).astype(np.float32)
    val = Scores(labels=rng.integers(0, 4, 300), logits=logits)
    classifier = ClassWeights(lengths_K=np.linalg.norm(weights, axis=1), biases_K=biases)
    ours = _read(_fitted({"kind": "tau_norm", "tau": 0.8}, val, classifier), val).argmax(dim=1)
    scaled = weights / np.linalg.norm(weights, axis=1, keepdims=True) ** 0.8
    return ours, (features @ scaled.T).argmax(axis=1)


@compared("readout.nearest_mean", by="scikit-learn's NearestCentroid: predictions", within=0)
def _nearest_mean() -> Pair:
    rng = np.random.default_rng(6)
    labels = rng.choice(4, size=400, p=COUNTS_K / COUNTS_K.sum())
    features = rng.normal(size=(400, 16)) + rng.normal(size=(4, 16))[labels]
    f, own = torch.from_numpy(features), torch.nn.functional.one_hot(torch.from_numpy(labels), 4).double()
    sums = FeatureSums(counts_K=own.sum(dim=0), sums_KD=own.T @ f, products_DD=f.T @ f)
    weight, bias = nearest_mean(sums)
    others = rng.normal(size=(500, 16)) * 2
    ours = (torch.from_numpy(others) @ weight.T + bias).argmax(dim=1)
    return ours, NearestCentroid().fit(features, labels).predict(others)


@compared("readout.nearest_mean", by="densities of spherical Gaussians, in NumPy", within=1e-9)
def _nearest_mean_probabilities() -> Pair:
    rng = np.random.default_rng(7)
    labels = np.repeat(np.arange(3), (50, 30, 20))
    features = rng.normal(size=(100, 5)) * np.array([1, 2, 1, 1, 3]) + 2 * rng.normal(size=(3, 5))[labels]
    means = np.stack([features[labels == label].mean(axis=0) for label in range(3)])
    pairs = list(itertools.combinations(means, 2))
    along = [((features - means[labels]) @ (one - other)) ** 2 for one, other in pairs]
    variance = np.mean(np.sum(along, axis=0)) / sum(((one - other) ** 2).sum() for one, other in pairs)
    theirs = _softmax(-((features[:, None] - means) ** 2).sum(axis=2) / (2 * variance))
    f, own = torch.from_numpy(features), torch.nn.functional.one_hot(torch.from_numpy(labels), 3).double()
    weight, bias = nearest_mean(FeatureSums(counts_K=own.sum(dim=0), sums_KD=own.T @ f, products_DD=f.T @ f))
    return (f @ weight.T + bias).softmax(dim=1), theirs


@compared("readout.thresholds", by="balanced accuracy of every threshold, two classes", within=1e-12)
def _two_thresholds() -> Pair:
    ours, theirs = [], []
    for seed in range(20):
        val = _val(patches=40, classes=2, seed=seed)
        ours.append(balanced_accuracy(val.labels, val.logits + best_offsets(val.labels, val.logits)))
        margins = np.sort(val.logits[:, 1] - val.logits[:, 0])
        cuts = [margins[0] - 1, *((margins[1:] + margins[:-1]) / 2), margins[-1] + 1]
        hits = [balanced_accuracy_score(val.labels, val.logits[:, 1] - val.logits[:, 0] > cut) for cut in cuts]
        theirs.append(max(hits))
    return ours, theirs


@compared("readout.dihedral", by="NumPy's rot90 and fliplr, patch by patch", within=1e-6)
def _dihedral() -> Pair:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 36, 4)).eval()
    patches = torch.randn(3, 2, 8, 8)
    scale = Scale.from_stats([BandStats(mean=0.0, std=1.0, low=-1.0, high=1.0)] * 2, torch.device("cpu"))
    readout = FittedReadout(kind="dihedral", dihedral=True)
    theirs = []
    with torch.no_grad():
        ours = posterior(config(), network, scale, classes=4, readout=readout)(patches)
        for patch in patches.numpy():
            turned = [np.rot90(each, k, (1, 2)) for each in (patch, patch[:, :, ::-1]) for k in range(4)]
            views = torch.from_numpy(np.stack(turned))
            theirs.append(_softmax(network(views).double().numpy()).mean(axis=0))
    return ours, np.stack(theirs)
