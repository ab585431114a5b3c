"""Pickle's stack machine without its power: it follows data and never imports or calls anything.

Source: `pickletools` of Python 3.11; the opcodes are those that `torch.save` writes (protocol 2).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdxl_reg.errors import Corrupt

STORAGES = {
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "DoubleStorage": "F64",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}
"""torch's storages → the number formats as safetensors spells them."""
ORDERED_DICT = "collections.OrderedDict"
REBUILD_TENSOR = "torch._utils._rebuild_tensor_v2"
REBUILD_PARAMETER = "torch._utils._rebuild_parameter"
ALLOWED_GLOBALS = frozenset(
    {ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, *(f"torch.{name}" for name in STORAGES)}
)
REMEDY = "Opening it could run code; ask its maker for a .safetensors file"
MAX_DIMENSIONS = 8
_SHOWN_CHARACTERS = 100
_MARK = object()
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_PUSHED = frozenset({"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"})
_EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_KEPT = frozenset({"BINPUT", "LONG_BINPUT"})
_FETCHED = frozenset({"BINGET", "LONG_BINGET"})
_NOTHING = frozenset({"PROTO", "STOP"})


@dataclass(frozen=True, kw_only=True)
class TensorOutline:
    """What is known of a tensor without its numbers.

    Attributes:
        dtype: As safetensors spells it: `F16`.
        shape: Empty for a scalar.
    """

    dtype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class _Name:
    """A global that the program names."""

    name: str


class Machine:
    """Follows a pickle opcode by opcode; lists, dictionaries and outlines come out.

    The time it takes grows with the number of opcodes alone, whatever they say.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def result(self) -> Any:
        """What the program made.

        Raises:
            ValueError: It did not end with one value.
        """
        (made,) = self._stack
        return made

    def step(self, opcode: str, argument: Any) -> None:
        """Follow one opcode; what makes no sense raises as Python's own containers do.

        Args:
            opcode: Its name in `pickletools`.
            argument: Its argument there.

        Raises:
            Corrupt: It is none that tensors and plain values need, or names another global.
        """
        if opcode in _PUSHED:
            self._stack.append(argument)
        elif opcode in _CONSTANTS:
            self._stack.append(_CONSTANTS[opcode])
        elif opcode in _EMPTY:
            self._stack.append(_EMPTY[opcode]())
        elif opcode in _KEPT:
            self._memo[argument] = self._stack[-1]
        elif opcode in _FETCHED:
            self._stack.append(self._memo[argument])
        elif opcode in _TUPLES:
            self._stack.append(tuple(self._popped(_TUPLES[opcode])))
        elif opcode == "GLOBAL":
            self._stack.append(self._allowed(argument))
        elif opcode in _ACTIONS:
            _ACTIONS[opcode](self)
        elif opcode not in _NOTHING:
            raise self._refused(f"its pickle uses {opcode}, which plain tensors do not need")

    def _popped(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise IndexError(count)
        found = self._stack[-count:]
        del self._stack[-count:]
        return found

    def _since_mark(self) -> list[Any]:
        place = len(self._stack) - 1
        while self._stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise IndexError(place)
        found = self._stack[place + 1 :]
        del self._stack[place:]
        return found

    def _mark(self) -> None:
        self._stack.append(_MARK)

    def _tuple(self) -> None:
        self._stack.append(tuple(self._since_mark()))

    def _append(self) -> None:
        (value,) = self._popped(1)
        _of(list, self._stack[-1]).append(value)

    def _appends(self) -> None:
        values = self._since_mark()
        _of(list, self._stack[-1]).extend(values)

    def _set_item(self) -> None:
        key, value = self._popped(2)
        _of(dict, self._stack[-1])[_of(str | int, key)] = value

    def _set_items(self) -> None:
        values = self._since_mark()
        target = _of(dict, self._stack[-1])
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[_of(str | int, key)] = value

    def _persistent(self) -> None:
        (reference,) = self._popped(1)
        tag, storage, *_ = _of(tuple, reference)
        if tag != "storage":
            raise self._refused("its pickle refers to something that is no storage of a tensor")
        self._stack.append(STORAGES[_of(_Name, storage).name.removeprefix("torch.")])

    def _reduce(self) -> None:
        called, arguments = self._popped(2)
        self._stack.append(self._called(_of(_Name, called).name, _of(tuple, arguments)))

    def _build(self) -> None:
        """State behind a dictionary: the versions that `state_dict` notes of its modules."""
        self._popped(1)
        _of(dict, self._stack[-1])

    def _allowed(self, argument: str) -> _Name:
        name = argument.replace(" ", ".", 1)
        if name not in ALLOWED_GLOBALS:
            raise self._refused(
                f"its pickle asks for {name[:_SHOWN_CHARACTERS]!r}, which is not data"
            )
        return _Name(name)

    def _called(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name == ORDERED_DICT and not arguments:
            return {}
        if name == REBUILD_TENSOR:
            dtype, _offset, shape = arguments[:3]
            return TensorOutline(dtype=_of(str, dtype), shape=_shape(shape))
        if name == REBUILD_PARAMETER:
            return _of(TensorOutline, arguments[0])
        raise self._refused(f"its pickle calls {name} in no way that torch does")

    def _refused(self, fault: str) -> Corrupt:
        return Corrupt(self._path, f"refused: {fault}", remedy=REMEDY)


_ACTIONS: dict[str, Callable[[Machine], None]] = {
    "MARK": Machine._mark,
    "TUPLE": Machine._tuple,
    "APPEND": Machine._append,
    "APPENDS": Machine._appends,
    "SETITEM": Machine._set_item,
    "SETITEMS": Machine._set_items,
    "BINPERSID": Machine._persistent,
    "REDUCE": Machine._reduce,
    "BUILD": Machine._build,
}


def _shape(sides: Any) -> tuple[int, ...]:
    if len(_of(tuple, sides)) > MAX_DIMENSIONS:
        raise ValueError(len(sides))
    return tuple(_of(int, side) for side in sides)


def _of(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(kind)
    return value
