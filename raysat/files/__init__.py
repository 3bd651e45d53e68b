"""Files and objects: opened as what they must be, read within limits as typed models, written whole or not at all."""

from raysat.files.errors import reading, writing
from raysat.files.link import copy_object, link_file
from raysat.files.models import FileModel, NeedsError, parse_model, read_model
from raysat.files.names import SAFE_NAME, cache_folder, safe_name
from raysat.files.object_store import check_put_if_absent, map_at_once, put_if_absent
from raysat.files.objects import AnyPath, ObjectPath, absolute, as_path
from raysat.files.partial import is_abandoned, partial_file, partial_folder, sweep_partial
from raysat.files.read import file_exists, folder_entries, open_regular, read_bytes, read_text
from raysat.files.remove import check_real_folder, remove_file, remove_tree
from raysat.files.stamps import Stamp, file_stamp, folder_stamp, subfolder_stamps
from raysat.files.write import (
    backup_path,
    current_folder,
    install_folder,
    real_target,
    sync_file,
    write_atomic,
    write_folder,
    write_new,
    write_unsynced,
)

__all__ = [
    "SAFE_NAME",
    "AnyPath",
    "FileModel",
    "NeedsError",
    "ObjectPath",
    "Stamp",
    "absolute",
    "as_path",
    "backup_path",
    "cache_folder",
    "check_put_if_absent",
    "check_real_folder",
    "copy_object",
    "current_folder",
    "file_exists",
    "file_stamp",
    "folder_entries",
    "folder_stamp",
    "install_folder",
    "is_abandoned",
    "link_file",
    "map_at_once",
    "open_regular",
    "parse_model",
    "partial_file",
    "partial_folder",
    "put_if_absent",
    "read_bytes",
    "read_model",
    "read_text",
    "reading",
    "real_target",
    "remove_file",
    "remove_tree",
    "safe_name",
    "subfolder_stamps",
    "sweep_partial",
    "sync_file",
    "write_atomic",
    "write_folder",
    "write_new",
    "write_unsynced",
    "writing",
]
