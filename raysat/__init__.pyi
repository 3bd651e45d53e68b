from .api.generators import Generators, generate
from .api.reports import Comparison, Report, compare, report
from .api.runs import Run, ablate, open_run
from .api.searches import SearchRun, tune
from .api.stores import Store, import_droughtwatch, import_folder, import_geotiff, make_synthetic, open_store
from .api.studies import Plan, Search, Study, load_search, load_study, plan
from .api.training import TrainedModel, train
from .config.schema import Config
from .errors import RaysatError
from .execution.cluster_options import ClusterOptions
from .views.notebook import NotebookView
from .views.run import RunView

__version__: str
__all__ = [
    "ClusterOptions",
    "Comparison",
    "Config",
    "Generators",
    "NotebookView",
    "Plan",
    "RaysatError",
    "Report",
    "Run",
    "RunView",
    "Search",
    "SearchRun",
    "Store",
    "Study",
    "TrainedModel",
    "ablate",
    "compare",
    "generate",
    "import_droughtwatch",
    "import_folder",
    "import_geotiff",
    "load_search",
    "load_study",
    "make_synthetic",
    "open_run",
    "open_store",
    "plan",
    "report",
    "train",
    "tune",
]
