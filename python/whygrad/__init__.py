"""whygrad: a PyTorch-compatible eager autograd engine that can say why.

`import whygrad as torch` in a script, or `python -m whygrad run script.py` for an unmodified one.
The operations come from the extension module `_C`, which expands them from the tables in csrc/ops;
what is cold is Python: tensor methods (`_tensor`), queries (`_functions`), grad modes (`autograd`).
"""

import math as _math
import sys as _sys
import types as _types

from . import _C
from ._dropin import install_as_torch
from ._dropin import module_getattr as _module_getattr
from ._dropin import package_is_loaded as _package_is_loaded
from .torch_version import __version__

Tensor = _C.Tensor
Size = _C.Size
dtype = _C.dtype
device = _C.device
finfo = _C.finfo
iinfo = _C.iinfo
layout = _C.layout
memory_format = _C.memory_format
Generator = _C.Generator
default_generator = _C.default_generator
strided = _C.strided
contiguous_format = _C.contiguous_format
preserve_format = _C.preserve_format
channels_last = _C.channels_last

uint8 = _C.uint8
int8 = _C.int8
int16 = short = _C.int16
int32 = int = _C.int32
int64 = long = _C.int64
float16 = half = _C.float16
bfloat16 = _C.bfloat16
float32 = float = _C.float32
float64 = double = _C.float64
complex64 = cfloat = _C.complex64
complex128 = cdouble = _C.complex128
bool = _C.bool

pi = _math.pi
e = _math.e
inf = _math.inf
nan = _math.nan
newaxis = None

# Every function of the tables; those with several results get their return types below.
globals().update({_name: getattr(_C, _name) for _name in _C._function_names})

tensor = _C.tensor
as_tensor = _C.as_tensor
asarray = _C.asarray
frombuffer = _C.frombuffer
from_numpy = _C.from_numpy
is_grad_enabled = _C.is_grad_enabled
is_inference_mode_enabled = _C.is_inference_mode_enabled
is_anomaly_enabled = _C.is_anomaly_enabled
set_anomaly_enabled = _C.set_anomaly_enabled
is_anomaly_check_nan_enabled = _C.is_anomaly_check_nan_enabled
_make_dual = _C._make_dual
_unpack_dual = _C._unpack_dual
get_default_dtype = _C.get_default_dtype
get_num_threads = _C.get_num_threads
set_num_threads = _C.set_num_threads
set_warn_always = _C.set_warn_always
is_warn_always_enabled = _C.is_warn_always_enabled
# Of the CPU allocator, like their namesakes in torch.cuda; PyTorch has none for the CPU.
memory_stats = _C.memory_stats
reset_peak_memory_stats = _C.reset_peak_memory_stats
empty_cache = _C.empty_cache

from . import (  # noqa: E402
    _tensor,
    autograd,
    cuda,
    func,
    functional,
    linalg,
    nn,
    optim,
    overrides,
    profiler,
    random,
    return_types,
    storage,
    testing,
    utils,
    version,
)
from ._functions import *  # noqa: E402, F403
from ._grad_mode import (  # noqa: E402
    enable_grad,
    inference_mode,
    no_grad,
    set_grad_enabled,
)
from ._ops import ops  # noqa: E402
from ._tensor_str import set_printoptions  # noqa: E402
from .func import vmap  # noqa: E402
from .random import (  # noqa: E402
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from .storage import (  # noqa: E402
    BFloat16Storage,
    BoolStorage,
    ByteStorage,
    CharStorage,
    ComplexDoubleStorage,
    ComplexFloatStorage,
    DoubleStorage,
    FloatStorage,
    HalfStorage,
    IntStorage,
    LongStorage,
    ShortStorage,
    Storage,
    TypedStorage,
    UntypedStorage,
)

StorageBase = _C.StorageBase

# What `from torch import *` gives: no modules, and not all of the rest.
_KEPT_BACK = {
    *("install_as_torch", "broadcast_shapes", "set_default_dtype", "set_grad_enabled"),
    *("channels_last", "contiguous_format", "preserve_format", "strided"),
    *("memory_stats", "reset_peak_memory_stats", "empty_cache"),
}
__all__ = [
    _name
    for _name, _value in globals().items()
    if not (_name.startswith("_") or _name in _KEPT_BACK or isinstance(_value, _types.ModuleType))
]

# Every public module says by name what it lacks.
for _name, _value in [*_sys.modules.items()]:
    if _name == __name__ or (_name.startswith(f"{__name__}.") and "._" not in _name):
        vars(_value).setdefault("__getattr__", _module_getattr(_name))

_package_is_loaded(__name__)
