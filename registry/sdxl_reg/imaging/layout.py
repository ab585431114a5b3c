"""Which folder is the image set, and what the folders below it are called.

The default layout is `set/brand/state/defect?` below the ingested folder. What holds for a given
folder is settled by the first of these that applies; what was decided is told before it is done:

1. `--layout set/line/brand/state` names every level; without `set` at its front the ingested folder
   itself is the set. `--as NAME` makes it the set NAME.
2. Folders that are states (`flawless`, `flawed`, and words like them) show where the level `state`
   lies for most pictures. At the third level: first-level folders are sets. At the second: the
   ingested folder is the set, its first level the brands. At the first: it is the set of one brand.
   Deeper: first-level folders are sets with more levels above the state.
3. Else the depth of the deepest picture decides: in the third level of folders or below,
   first-level folders are sets; above that the tree is shallower than the layout, and the
   ingested folder is the set.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sdxl_reg.errors import InvalidValue
from sdxl_reg.imaging.names import name_key

DEFAULT_LEVELS = ("brand", "state", "defect")
STATES = frozenset(
    {"flawless", "flawed", "good", "bad", "ok", "ng", "normal", "abnormal", "intact", "damaged"}
    | {"defective", "defect-free", "faulty", "良品", "不良品", "次品", "合格", "不合格", "瑕疵"}
)
_SET = "set"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How the folders of one ingest are read.

    Attributes:
        set_name: Name of the one image set that the ingested folder is; None where each
            first-level folder is a set of its own.
        levels: Names of the tag levels below a set, from the top.
        reason: Why, as the end of a sentence.
        required: How many levels, from the top, a picture must have; those that the user did not
            mark with `?`. 0 where the rule decided.
    """

    set_name: str | None
    levels: tuple[str, ...]
    reason: str
    required: int = 0

    @property
    def set_depth(self) -> int:
        """How many folders of a picture's path name its set: 0 or 1."""
        return 0 if self.set_name is not None else 1

    def level(self, depth: int) -> str:
        """What a depth below the set is called: past the named levels `level4` and so on."""
        return self.levels[depth] if depth < len(self.levels) else f"level{depth + 1}"

    def sentence(self) -> str:
        """What was decided, for people."""
        subject = (
            "Each first-level folder is an image set"
            if self.set_name is None
            else f"The folder is the image set {self.set_name!r}"
        )
        return f"{subject}, its folders are {'/'.join(self.levels)}: {self.reason}"


def decide(
    folders: Iterable[tuple[str, ...]] | Mapping[tuple[str, ...], int],
    *,
    root_name: str,
    as_name: str | None = None,
    layout: str | None = None,
) -> Layout:
    """The layout of an ingested folder.

    Args:
        folders: For every picture, the names of the folders between the root and it; or these
            names → how many pictures have them.
        root_name: Name of the ingested folder.
        as_name: What the user calls the set that the folder is, if anything.
        layout: The levels as the user gave them, such as `set/brand/state`.

    Returns:
        What holds, with its reason.

    Raises:
        InvalidValue: The given layout or name is of the wrong form, or they contradict each other.
    """
    if layout is not None:
        return _given(layout, as_name=as_name, root_name=root_name)
    trees = Counter(folders)
    hint = _state_depth(trees)
    if as_name is not None:
        return Layout(
            set_name=_checked_name(as_name),
            levels=_levels_above_state(hint),
            reason="you named it",
        )
    if hint is not None:
        return _by_state(hint, root_name)
    return _by_depth(max((len(tree) for tree in trees), default=0), root_name)


def parse_levels(layout: str) -> tuple[str, ...]:
    """The names in a layout such as `set/brand/state` or `{set}/{brand}/{state}/{defect?}`.

    Raises:
        InvalidValue: A name is empty, stands twice, or `set` is not the first.
    """
    names = tuple(part.strip("{}? ").lower() for part in layout.strip("/ ").split("/"))
    fault = None
    if not all(names):
        fault = "a level has no name"
    elif len(set(names)) < len(names):
        fault = "a level stands twice"
    elif _SET in names[1:]:
        fault = "the set is not the first level"
    if fault:
        raise InvalidValue(
            f"the layout is not of the right form, {fault}",
            layout,
            remedy="Write it like set/brand/state/defect, or brand/state/defect for a single set",
        )
    return names


def _given(layout: str, *, as_name: str | None, root_name: str) -> Layout:
    names = parse_levels(layout)
    reason = "the layout says so"
    if names[0] != _SET:
        name = _checked_name(as_name if as_name is not None else root_name)
        return Layout(set_name=name, levels=names, reason=reason, required=_required(layout))
    if as_name is not None:
        raise InvalidValue(
            f"a layout with sets in first-level folders contradicts --as {as_name}",
            layout,
            remedy=f"Leave out 'set': {'/'.join(names[1:] or DEFAULT_LEVELS)}",
        )
    return Layout(
        set_name=None,
        levels=names[1:] or DEFAULT_LEVELS,
        reason=reason,
        required=max(0, _required(layout) - 1),
    )


def _required(layout: str) -> int:
    """How many names from the front have no `?`; none where the user wrote plain names."""
    if "{" not in layout and "?" not in layout:
        return 0
    parts = layout.strip("/ ").split("/")
    return next((number for number, part in enumerate(parts) if "?" in part), len(parts))


def _checked_name(name: str) -> str:
    if not name.strip() or "/" in name or "@" in name or len(name) > 255:
        raise InvalidValue(
            "this cannot be the name of an image set", repr(name), remedy="Give one with --as NAME"
        )
    return name.strip()


def _state_depth(trees: Counter[tuple[str, ...]]) -> int | None:
    """The depth, 1 for the first level, at which most pictures have a state; deeper wins a tie."""
    depths: Counter[int] = Counter()
    for tree, count in trees.items():
        found = [depth for depth, name in enumerate(tree, 1) if name_key(name) in STATES]
        depths.update(dict.fromkeys(found[:1], count))
    return max(depths, key=lambda depth: (depths[depth], depth)) if depths else None


def _by_state(depth: int, root_name: str) -> Layout:
    where = {1: "first", 2: "second", 3: "third"}.get(depth, f"{depth}th")
    reason = f"its states lie in the {where} level"
    if depth <= 2:
        return Layout(
            set_name=_checked_name(root_name), levels=_levels_above_state(depth), reason=reason
        )
    return Layout(set_name=None, levels=_levels_above_state(depth - 1), reason=reason)


def _levels_above_state(depth: int | None) -> tuple[str, ...]:
    """Level names of a set whose states lie at a depth below it: `brand` stands right above."""
    if depth is None:
        return DEFAULT_LEVELS
    above = ("brand",) if depth >= 2 else ()
    further = tuple(f"level{number}" for number in range(1, depth - len(above)))
    return (*further, *above, "state", "defect")


def _by_depth(depth: int, root_name: str) -> Layout:
    if depth >= 3:
        return Layout(
            set_name=None,
            levels=DEFAULT_LEVELS,
            reason=f"pictures lie up to {depth} folders deep",
        )
    reason = f"pictures lie at most {depth} folders deep" if depth else "pictures lie right in it"
    return Layout(set_name=_checked_name(root_name), levels=DEFAULT_LEVELS, reason=reason)
