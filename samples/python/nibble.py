"""The engine from Python: ctypes and NumPy on the C API (engine/include/nibble/nibble_c.h).

    device = nibble.Device()
    session = nibble.Session(device, nibble.Model("mobilenet_v2.nbl"))
    scores = session.run({"input": image})["output"]

The shared library is found by NIBBLE_LIBRARY, or where the system looks for libnibble.so.
"""

import ctypes
import os
from ctypes import (POINTER, Structure, byref, c_char_p, c_float, c_int32, c_int64, c_size_t, c_uint32, c_uint64,
                    c_void_p, sizeof)

import numpy as np

# nbl_type, by NumPy's types.
_TYPES = {0: np.float32, 1: np.float16, 2: np.int8, 3: np.uint8, 5: np.int32, 6: np.int64, 7: np.bool_}
_NUMBERS = {np.dtype(dtype): number for number, dtype in _TYPES.items()}


class Error(RuntimeError):
    """What a call of the library complained of; `code` is nbl_code."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class _TensorInfo(Structure):
    _fields_ = [("struct_size", c_uint32), ("type", c_int32), ("name", c_char_p), ("shape", POINTER(c_int64)),
                ("rank", c_uint32), ("quantized", c_int32), ("scale", c_float), ("zero_point", c_int32),
                ("elements", c_uint64), ("bytes", c_uint64)]


class _DeviceOptions(Structure):
    _fields_ = [("struct_size", c_uint32), ("validation", c_int32), ("select", c_char_p), ("pipeline_cache", c_char_p),
                ("mask", c_char_p)]


class _Dim(Structure):
    _fields_ = [("name", c_char_p), ("size", c_int64)]


class _SessionOptions(Structure):
    _fields_ = [("struct_size", c_uint32), ("profile", c_int32), ("keep_all", c_int32), ("ignore_tuning", c_int32),
                ("memory_limit", c_uint64), ("dims", POINTER(_Dim)), ("dim_count", c_size_t), ("kernels", c_char_p)]


def _made(structure, **values):
    return structure(struct_size=sizeof(structure), **values)


_lib = ctypes.CDLL(os.environ.get("NIBBLE_LIBRARY", "libnibble.so"))
_lib.nbl_error_message.restype = _lib.nbl_version.restype = _lib.nbl_device_name.restype = c_char_p
_lib.nbl_model_metadata.restype = c_char_p
for _name in ("nbl_session_input_count", "nbl_session_output_count"):
    getattr(_lib, _name).restype = c_size_t
for _name, _arguments in {
        "nbl_device_open": [c_void_p, c_void_p], "nbl_model_load_file": [c_char_p, c_void_p],
        "nbl_session_create": [c_void_p, c_void_p, c_void_p, c_void_p],
        "nbl_session_input": [c_void_p, c_size_t, c_void_p], "nbl_session_output": [c_void_p, c_size_t, c_void_p],
        "nbl_session_write": [c_void_p, c_char_p, c_int32, c_void_p, c_size_t],
        "nbl_session_read": [c_void_p, c_char_p, c_int32, c_void_p, c_size_t], "nbl_session_run": [c_void_p]}.items():
    getattr(_lib, _name).restype = c_void_p
    getattr(_lib, _name).argtypes = _arguments
for _name in ("nbl_error_code", "nbl_error_message", "nbl_error_free", "nbl_device_name", "nbl_device_close",
              "nbl_model_free", "nbl_session_free", "nbl_session_input_count", "nbl_session_output_count"):
    getattr(_lib, _name).argtypes = [c_void_p]
_lib.nbl_model_metadata.argtypes = [c_void_p, c_char_p]


def _check(error):
    if not error:
        return
    code, message = _lib.nbl_error_code(error), _lib.nbl_error_message(error).decode()
    _lib.nbl_error_free(error)
    raise Error(code, message)


def version():
    return _lib.nbl_version().decode()


class Device:
    """A Vulkan device: an index or a part of a name, or the best one."""

    def __init__(self, select=None, pipeline_cache=None):
        handle = c_void_p()
        options = _made(_DeviceOptions, select=None if select is None else str(select).encode(),
                        pipeline_cache=None if pipeline_cache is None else os.fsencode(pipeline_cache))
        self._handle = None
        _check(_lib.nbl_device_open(byref(options), byref(handle)))
        self._handle = handle

    def __del__(self):
        if getattr(self, "_handle", None):
            _lib.nbl_device_close(self._handle)

    @property
    def name(self):
        return _lib.nbl_device_name(self._handle).decode()


class Model:
    """A network read from a .nbl file."""

    def __init__(self, path):
        handle = c_void_p()
        self._handle = None
        _check(_lib.nbl_model_load_file(os.fsencode(path), byref(handle)))
        self._handle = handle

    def __del__(self):
        if getattr(self, "_handle", None):
            _lib.nbl_model_free(self._handle)

    def metadata(self, key):
        value = _lib.nbl_model_metadata(self._handle, key.encode())
        return None if value is None else value.decode()


class Tensor:
    """Name, NumPy type and shape of an input or output."""

    def __init__(self, info):
        self.name, self.dtype = info.name.decode(), np.dtype(_TYPES[info.type])
        self.shape = tuple(info.shape[i] for i in range(info.rank))


class Session:
    """Runs a model on a device. `dims` gives free dimensions their sizes. Belongs to one thread at a time."""

    def __init__(self, device, model, dims=None, memory_limit=0):
        sizes = (_Dim * len(dims or {}))(*((name.encode(), size) for name, size in (dims or {}).items()))
        options = _made(_SessionOptions, memory_limit=memory_limit, dims=sizes, dim_count=len(sizes))
        handle = c_void_p()
        self._handle = None
        _check(_lib.nbl_session_create(device._handle, model._handle, byref(options), byref(handle)))
        self._handle = handle
        self.inputs = self._tensors(_lib.nbl_session_input_count, _lib.nbl_session_input)
        self.outputs = self._tensors(_lib.nbl_session_output_count, _lib.nbl_session_output)

    def __del__(self):
        if getattr(self, "_handle", None):
            _lib.nbl_session_free(self._handle)

    def _tensors(self, count, get):
        tensors = []
        for i in range(count(self._handle)):
            info = _made(_TensorInfo)
            _check(get(self._handle, i, byref(info)))
            tensors.append(Tensor(info))
        return tensors

    def run(self, inputs):
        """Outputs by name, of inputs by name. Shapes and types must be those of self.inputs."""
        known = {tensor.name: tensor for tensor in self.inputs}
        for name, values in inputs.items():
            values = np.ascontiguousarray(values)
            if name in known and values.shape != known[name].shape:
                raise Error(1, f"input '{name}': expected shape {known[name].shape}, found {values.shape}")
            if values.dtype not in _NUMBERS:
                raise Error(1, f"input '{name}': values of type {values.dtype} are not supported")
            _check(_lib.nbl_session_write(self._handle, name.encode(), _NUMBERS[values.dtype], values.ctypes.data,
                                          values.size))
        _check(_lib.nbl_session_run(self._handle))
        outputs = {}
        for tensor in self.outputs:
            values = np.empty(tensor.shape, tensor.dtype)
            _check(_lib.nbl_session_read(self._handle, tensor.name.encode(), _NUMBERS[tensor.dtype], values.ctypes.data,
                                         values.size))
            outputs[tensor.name] = values
        return outputs
