"""Torch's compiler is not imported by what trains, and is itself as soon as somebody asks for more."""

import os
import subprocess
import sys

import pytest

TRAINS = """
import sys
from raysat.training.late_compiler import put_off_compiler
put_off_compiler()
import inspect
import timm
import torch
from raysat.training.seeding import reproducible
with reproducible(torch.device("cpu"), 0, "weights"):
    network = torch.nn.Linear(2, 1)
for optimizer in (torch.optim.Adam(network.parameters()), torch.optim.SGD(network.parameters(), lr=0.1)):
    network(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    optimizer.zero_grad()
    optimizer.load_state_dict(optimizer.state_dict())
inspect.getmodule(inspect.currentframe())
assert "torch._dynamo.convert_frame" not in sys.modules
"""


def run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


# Each in a process of its own, which has trained.
ASKS = """
import os
for asked in (
    "from torch._dynamo.utils import counters",
    "import torch._dynamo.config as config; config.cache_size_limit",
    "import torch._dynamo; assert torch._dynamo.optimize",
    "from torchvision.ops.roi_align import is_compile_supported; assert is_compile_supported('cpu')",
    "assert torch.compile(lambda x: x + 1, backend='eager')(torch.ones(1)) == 2",
):
    if (child := os.fork()) == 0:
        exec(asked)
        assert "torch._dynamo.convert_frame" in sys.modules, asked
        assert torch._dynamo.__file__
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0, asked
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_training_leaves_the_compiler_out_until_it_is_asked_for() -> None:
    run(TRAINS + ASKS)


@pytest.mark.slow
def test_where_torch_is_there_before_nothing_is_put_off() -> None:
    run(
        "import torch\nfrom raysat.training.late_compiler import put_off_compiler\nput_off_compiler()\n"
        "import torch._dynamo\nassert torch._dynamo.__file__"
    )
