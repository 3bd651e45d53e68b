"""Contrasts that a study plans: how they are written, and each mistake as one line with its place."""

import pytest

from raysat.study.compare import PlannedContrast, known_metric
from raysat.study.schema import study_schema
from tests.helpers.study import assert_one_error, load

ARMS = "arms:\n  plain: {}\n  LDAM: {loss: {kind: ldam}}\n  SWA: {average: {kind: swa}}\n"


def test_a_contrast_is_an_arm_a_pair_or_a_mapping(tmp_path):
    text = ARMS + "compare: [LDAM, [LDAM, SWA], {arm: SWA, to: plain, metric: icv}, {arm: SWA, metric: recall_water}]\n"
    assert load(tmp_path, text).compare == (
        PlannedContrast("LDAM"),
        PlannedContrast("LDAM", "SWA"),
        PlannedContrast("SWA", "plain", "icv"),
        PlannedContrast("SWA", None, "recall_water"),
    )
    assert load(tmp_path, ARMS).compare == ()


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        ("[LDMA]", "the study has no arm 'LDMA'", "did you mean 'LDAM'?"),
        ("[[LDAM, palin]]", "the study has no arm 'palin'", "did you mean 'plain'?"),
        ("[9]", "the study has no arm 9", "its arms are plain, LDAM, SWA"),
        ("[[LDAM, plain, SWA]]", "a pair is [arm, to]", "such as compare: [LDAM]"),
        ("[{to: plain}]", "a contrast needs an arm", "such as compare"),
        ("[{arm: LDAM, of: plain}]", "unknown key 'of'", "arm, to, metric"),
        ("[{arm: LDAM, metric: icw}]", "no contrast is tested in 'icw'", "did you mean 'icv'?"),
        ("[{arm: LDAM, metric: accuracy}]", "no contrast is tested in 'accuracy'", "neglect of the rare classes"),
        ("[[LDAM, LDAM]]", "'LDAM' is compared with itself", "name two arms"),
        ("[LDAM, LDAM]", "planned twice", "plan it once"),
        ("LDAM", "compare must be a list of contrasts, got 'LDAM'", "such as compare"),
        ("[]", "compare must be a list of contrasts", "such as compare"),
        ("[[[LDAM], plain]]", "the study has no arm ['LDAM']", ""),
    ],
)
def test_a_mistake_is_one_line(tmp_path, written, message, hint):
    assert_one_error(tmp_path, f"{ARMS}compare: {written}\n", message, hint)


def test_a_metric_of_a_class_is_known_by_its_name():
    found = known_metric("recall_water", ["crop", "water"])
    assert found is not None
    assert (found.name, found.class_index) == ("recall", 1)
    assert known_metric("recall_wood", ["crop", "water"]) is None
    assert known_metric("accuracy", []) is None


@pytest.mark.slow
def test_the_schema_takes_what_is_read():
    jsonschema = pytest.importorskip("jsonschema")
    schema = study_schema()
    good = {"compare": ["LDAM", ["LDAM", "SWA"], {"arm": "SWA", "metric": "recall_water"}]}
    jsonschema.validate(good, schema)
    for bad in ([], ["LDAM", ["a", "b", "c"]], [{"to": "a"}], [{"arm": "a", "metric": "accuracy"}]):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"compare": bad}, schema)
