"""Put a listening function in the place of another, and the other one back, in any order.

Every wrapper first asks whether torch is tracing (then it does nothing, so that torch.compile sees
no graph break), then calls the original between ``before`` and ``after``. Whatever goes wrong in
those two is handed to ``failed`` and never reaches the user.
"""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle

_MISSING = object()


class Patches:
    """What was replaced, so that it can be put back."""

    def __init__(self) -> None:
        self._undo: list[tuple[Any, str, Any, Any]] = []
        self._hooks: list[RemovableHandle] = []

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Replace ``owner.name`` by ``make(original)``; nothing happens if there is none."""
        original = getattr(owner, name, _MISSING)
        if original is _MISSING:
            return
        own = vars(owner).get(name, _MISSING)
        heard = make(original)
        setattr(owner, name, heard)
        self._undo.append((owner, name, own, heard))

    def hold(self, hook: RemovableHandle) -> None:
        """Remove a hook of PyTorch's own when everything is put back."""
        self._hooks.append(hook)

    def restore(self) -> None:
        """Put everything back that is still ours."""
        for owner, name, own, heard in reversed(self._undo):
            if vars(owner).get(name, _MISSING) is not heard:
                continue  # somebody has wrapped it again: our wrapper stays, silent
            if own is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, own)
        self._undo.clear()
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()


def around(
    original: Callable[..., Any],
    before: Callable[[tuple[Any, ...], dict[str, Any]], Any],
    after: Callable[[Any, Any, BaseException | None], None],
    failed: Callable[[BaseException], None],
) -> Callable[..., Any]:
    """Wrap a function: ``token = before(args, kwargs)``, call, ``after(token, result, error)``.

    A ``before`` that returns None says that this call is of no interest.
    """
    compiling = torch.compiler.is_compiling

    @functools.wraps(original)
    def heard(*args: Any, **kwargs: Any) -> Any:
        if compiling():
            return original(*args, **kwargs)
        token = None
        try:
            token = before(args, kwargs)
        except Exception as error:
            failed(error)
        if token is None:
            return original(*args, **kwargs)
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            _quiet(after, failed, token, None, error)
            raise
        _quiet(after, failed, token, result, None)
        return result

    return heard


def nothing(token: Any, result: Any, error: BaseException | None) -> None:
    """Nothing is to be done after the call."""


def _quiet(after: Any, failed: Any, token: Any, result: Any, error: BaseException | None) -> None:
    try:
        after(token, result, error)
    except Exception as own:
        failed(own)
