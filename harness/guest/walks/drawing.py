# SPDX-License-Identifier: GPL-2.0-only
"""Draws walks: the same seed and number, on kernels that can do the same, the same walk.

The worlds are small (three timelines, values a few apart, two buffers), so that steps meet. A walk ends with a look at
all that is left, once before and once after every timeline has gone on.
"""

from __future__ import annotations

from harness.guest.threads import Chance
from harness.guest.walks.steps import BEYOND, BOTH, MAKERS, OBSERVERS, READ, WRITE, Seen, Step
from harness.guest.walks.walk_model import POLLIN, POLLOUT, Features, Model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Weights = dict[str, int]

_MOST = {"t": 3, "s": 7, "b": 2, "h": 3, "v": 3, "a": 2}
# Advanced by that, the next values cross the sign of a 32 bit counter. Only without older fences: to the kernel they
# would come after those, and one that has signalled takes the place of a pending one (dma_resv_add_fence()).
_NEAR_WRAP = 0x7FFFFFFE

_ON_FENCES: Weights = {
    "timeline": 4,
    "fence": 12,
    "merge": 10,
    "advance": 8,
    "close-timeline": 3,
    "status": 4,
    "list": 4,
    "poll": 7,
    "close": 3,
    "set-deadline": 3,
    "get-deadline": 3,
}
_ON_BUFFERS: Weights = {
    "timeline": 4,
    "fence": 9,
    "merge": 6,
    "advance": 5,
    "close-timeline": 1,
    "status": 1,
    "list": 2,
    "poll": 2,
    "close": 2,
    "buffer": 3,
    "import": 12,
    "export": 8,
    "poll-buffer": 4,
    "sync": 2,
    "sync-end": 1,
    "rename": 1,
    "ask-name": 1,
    "close-buffer": 1,
}
_ON_DEVICES: Weights = {
    **_ON_BUFFERS,
    "fence": 6,
    "merge": 2,
    "import": 9,
    "export": 3,
    "poll-buffer": 2,
    "sync": 3,
    "open-handle": 5,
    "attach-fence": 12,
    "signal-fence": 7,
    "close-handle": 1,
    "attach": 2,
    "detach": 1,
}

TERRAINS: dict[str, Weights] = {"fences": _ON_FENCES, "buffers": _ON_BUFFERS, "devices": _ON_DEVICES}
"""Kinds of walks: how often which step is tried. Walk number N is one of the kind N modulo their number."""

OVERTURES: dict[str, tuple[str, ...]] = {
    "fences": ("timeline", "timeline", "fence", "fence", "merge"),
    "buffers": ("timeline", "timeline", "fence", "fence", "buffer", "import"),
    "devices": ("timeline", "fence", "buffer", "open-handle", "attach-fence"),
}
"""How a walk begins: without these, it would often have nothing to do anything with."""


def terrain_of(number: int) -> str:
    """The kind of walk ``number``."""
    return list(TERRAINS)[number % len(TERRAINS)]


class Draw:
    """Draws one walk. The model goes along with a kernel that does as it expects, to know what there is."""

    def __init__(self, seed: int, number: int, features: Features) -> None:
        self._chance = Chance((seed * 1_000_003 + number) & 0xFFFFFFFF)
        for _ in range(4):  # the first numbers of neighbouring seeds are much alike
            self._chance.below(2)
        self._features = features
        self._model = Model(features)
        self._made: dict[str, int] = {}
        self._steps: list[Step] = []
        terrain = terrain_of(number)
        self._weights = {call: weight for call, weight in TERRAINS[terrain].items() if self._can(call)}
        self._overture = [call for call in OVERTURES[terrain] if call in self._weights]

    def walk(self) -> list[Step]:
        """The steps of the walk."""
        if self._chance.below(4) == 0:
            self._try("timeline")
            self._take("advance", "t1", _NEAR_WRAP)
        for call in self._overture:
            self._try(call)
        for _ in range(6 + self._chance.below(16)):
            self._try(self._weighted())
        self._look()
        for name in [name for name, timeline in self._model.timelines.items() if timeline.open]:
            if self._chance.below(2):
                self._take("advance", name, BEYOND)
            else:
                self._take("close-timeline", name)
        self._look()
        return self._steps

    def _can(self, call: str) -> bool:
        needs = {
            **dict.fromkeys(("import", "export"), self._features.imports),
            **dict.fromkeys(("set-deadline", "get-deadline"), self._features.deadlines),
            **dict.fromkeys(("open-handle", "attach-fence", "signal-fence", "close-handle"), self._features.handles),
            **dict.fromkeys(("attach", "detach"), self._features.attaches),
        }
        return needs.get(call, True)

    def _weighted(self) -> str:
        left = self._chance.below(sum(self._weights.values()))
        for call, weight in self._weights.items():
            left -= weight
            if left < 0:
                return call
        raise AssertionError("the weights were summed up wrongly")

    def _take(self, call: str, *operands: str | int) -> None:
        made = ""
        if kind := MAKERS.get(call, ""):
            self._made[kind] = self._made.get(kind, 0) + 1
            made = f"{kind}{self._made[kind]}"
        step = Step(call, *operands, makes=made)
        if not self._model.is_possible(step):
            return
        self._steps.append(step)
        if call not in OBSERVERS or call == "poll-buffer":
            self._model.judge(step, Seen(answer=self._handle(step)))

    def _handle(self, step: Step) -> int | None:
        """The number of a GEM handle: nothing but that it is another one for each buffer matters here."""
        if step.call != "open-handle":
            return None
        return self._model.buffers[str(step.operands[0])].handle or int(step.makes[1:])

    def _try(self, call: str) -> None:
        """Take a step of this kind, if the walk is where it can."""
        kind = MAKERS.get(call, "")
        if kind and sum(name[0] == kind for name in self._model.open_names()) >= _MOST[kind]:
            return
        draw: Callable[[], tuple[str | int, ...] | None] = getattr(self, "_" + call.replace("-", "_"))
        operands = draw()
        if operands is not None:
            self._take(call, *operands)

    def _pick(self, kind: str) -> str | None:
        """An open object of this kind."""
        names = sorted(name for name in self._model.open_names() if name[0] == kind)
        return names[self._chance.below(len(names))] if names else None

    def _one_of(self, *choices: int) -> int:
        return choices[self._chance.below(len(choices))]

    def _on(self, kind: str, *numbers: int) -> tuple[str | int, ...] | None:
        name = self._pick(kind)
        return None if name is None else (name, *numbers)

    # --- operands of each step ----------------------------------------------------------------

    def _timeline(self) -> tuple[str | int, ...]:
        return ()

    def _advance(self) -> tuple[str | int, ...] | None:
        return self._on("t", self._one_of(1, 1, 1, 1, 1, 2, 2, 3, 0))

    def _close_timeline(self) -> tuple[str | int, ...] | None:
        return self._on("t")

    def _fence(self) -> tuple[str | int, ...] | None:
        name = self._pick("t")
        if name is None:
            return None
        ahead = self._one_of(1, 1, 2, 2, 3, 4, 5, 0)
        return name, (self._model.timelines[name].value + ahead) & 0xFFFFFFFF

    def _merge(self) -> tuple[str | int, ...] | None:
        one, other = self._pick("s"), self._pick("s")
        return None if one is None or other is None else (one, other, f"merged-{len(self._steps)}-")

    def _close(self) -> tuple[str | int, ...] | None:
        return self._on("s")

    _status = _list = _poll = _close

    def _set_deadline(self) -> tuple[str | int, ...] | None:
        return self._on("s", 1 + self._chance.below(9))

    def _get_deadline(self) -> tuple[str | int, ...] | None:
        timeline, file = self._pick("t"), self._pick("s")
        return None if timeline is None or file is None else (timeline, file)

    def _buffer(self) -> tuple[str | int, ...]:
        kinds = self._features.kinds
        return (kinds[self._chance.below(len(kinds))],)

    def _import(self) -> tuple[str | int, ...] | None:
        buffer, file = self._pick("b"), self._pick("s")
        return None if buffer is None or file is None else (buffer, file, self._one_of(READ, WRITE, BOTH))

    def _export(self) -> tuple[str | int, ...] | None:
        return self._on("b", self._one_of(READ, WRITE, BOTH))

    _sync = _sync_end = _export

    def _poll_buffer(self) -> tuple[str | int, ...] | None:
        return self._on("b", self._one_of(POLLIN, POLLOUT, POLLIN | POLLOUT))

    def _rename(self) -> tuple[str | int, ...] | None:
        name = self._pick("b")
        return None if name is None else (name, f"name-{len(self._steps)}-")

    def _close_buffer(self) -> tuple[str | int, ...] | None:
        return self._on("b")

    _ask_name = _open_handle = _attach = _close_buffer

    def _close_handle(self) -> tuple[str | int, ...] | None:
        return self._on("h")

    def _attach_fence(self) -> tuple[str | int, ...] | None:
        return self._on("h", self._one_of(READ, WRITE))

    def _signal_fence(self) -> tuple[str | int, ...] | None:
        return self._on("v")

    def _detach(self) -> tuple[str | int, ...] | None:
        return self._on("a")

    # --- the look at what is left -------------------------------------------------------------

    def _look(self) -> None:
        """Ask every object what it tells, in an order that asks some before they are polled, and some after."""
        names = sorted(self._model.open_names())
        for name in [name for name in names if name[0] == "s"]:
            for call in (("status", "list"), ("poll", "status"), ("list", "status"))[self._chance.below(3)]:
                self._take(call, name)
        self._look_at_deadlines()
        for name in [name for name in names if name[0] == "b"]:
            self._look_at_buffer(name)

    def _look_at_deadlines(self) -> None:
        if any(step.call == "set-deadline" for step in self._steps) and (timeline := self._pick("t")) is not None:
            for name in sorted(self._model.files):
                self._take("get-deadline", timeline, name)

    def _look_at_buffer(self, name: str) -> None:
        self._take("poll-buffer", name, POLLIN | POLLOUT)
        if "export" in self._weights and self._chance.below(2):
            self._take("export", name, BOTH)
            self._take("list", f"s{self._made['s']}")
        if "import" in self._weights and self._chance.below(2):
            self._take("sync", name, self._one_of(READ, WRITE))
