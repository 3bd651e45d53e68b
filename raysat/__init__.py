"""Which method really helps the rare classes of multispectral imagery, and by how much? Paired ablations on Ray.

    study = raysat.load_study("quickstart")
    print(raysat.plan(study))
    run = raysat.ablate(study)
    print(raysat.report(run))

Names are loaded when they are first used, so that ``import raysat`` is instant; ``__init__.pyi`` lists them.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
