"""What training needs, imported as a worker imports it, for the process that workers are forked from."""

from importlib import import_module

from raysat.training.late_compiler import put_off_compiler

put_off_compiler()
for _name in ("raysat.training.loop", "raysat.training.models.build"):
    import_module(_name)
