from .api.ablation import ablate
from .api.across import AcrossDataSets, across
from .api.arm_tuning import TunedArms, tune_arms
from .api.cache import StoreCache, store_cache
from .api.chips import import_chips
from .api.clusters import ClusterPlan, load_cluster, set_up_metrics
from .api.doctor import Diagnosis, doctor
from .api.downloads import DataSetInfo, Download, data_set, download
from .api.evaluations import Evaluation, evaluate
from .api.export import Exported, export
from .api.first_studies import FirstStudy, init_study
from .api.folds import fold_stores
from .api.generators import Generators, generate
from .api.importers import ImportResult, import_droughtwatch, import_folder, import_geotiff, make_synthetic
from .api.layouts import Conversion, convert, import_image_folder, import_webdataset, import_zarr
from .api.maps import Maps, predict
from .api.models import load_model
from .api.plugins import Plugin, PluginCheck, check_plugin, load_plugin
from .api.power import Power, power
from .api.predictions import PatchPredictions, predict_store
from .api.reports import Comparison, Report, compare, report
from .api.runs import Run, open_run
from .api.searches import SearchRun, open_search, tune
from .api.splits import SplitStores, split_store
from .api.stores import Store, open_store
from .api.studies import Plan, Search, Study, load_search, load_study, plan
from .api.tracked import Tracked
from .api.tracking import track
from .api.training import TrainedModel, train
from .api.until_decided import Grown, ablate_until_decided
from .config.describe import methods
from .config.schema import Config
from .errors import RaysatError
from .execution.cluster_options import ClusterOptions
from .execution.monitoring.setup import MetricsSetup
from .inference.export.read import LoadedModel
from .planning.explain import explain
from .search.schema import search_schema
from .study.schema import study_schema
from .views.notebook import NotebookView
from .views.run import RunView

__version__: str
__all__ = [
    "AcrossDataSets",
    "ClusterOptions",
    "ClusterPlan",
    "Comparison",
    "Config",
    "Conversion",
    "DataSetInfo",
    "Diagnosis",
    "Download",
    "Evaluation",
    "Exported",
    "FirstStudy",
    "Generators",
    "Grown",
    "ImportResult",
    "LoadedModel",
    "Maps",
    "MetricsSetup",
    "NotebookView",
    "PatchPredictions",
    "Plan",
    "Plugin",
    "PluginCheck",
    "Power",
    "RaysatError",
    "Report",
    "Run",
    "RunView",
    "Search",
    "SearchRun",
    "SplitStores",
    "Store",
    "StoreCache",
    "Study",
    "Tracked",
    "TrainedModel",
    "TunedArms",
    "ablate",
    "across",
    "check_plugin",
    "ablate_until_decided",
    "compare",
    "convert",
    "data_set",
    "doctor",
    "download",
    "evaluate",
    "explain",
    "export",
    "fold_stores",
    "generate",
    "import_chips",
    "import_droughtwatch",
    "import_folder",
    "import_geotiff",
    "import_image_folder",
    "import_webdataset",
    "import_zarr",
    "init_study",
    "load_cluster",
    "load_model",
    "load_plugin",
    "load_search",
    "load_study",
    "make_synthetic",
    "methods",
    "open_run",
    "open_search",
    "open_store",
    "plan",
    "power",
    "predict",
    "predict_store",
    "report",
    "search_schema",
    "set_up_metrics",
    "split_store",
    "store_cache",
    "study_schema",
    "track",
    "train",
    "tune",
    "tune_arms",
]
