"""PyTorch in the panel: asked for, installed in the background, repaired; errors are shown."""

from __future__ import annotations

import time
from collections.abc import Callable

import slicer
from slicer.i18n import tr as _

from ..engine_run import torch_setup
from ..engine_run.python_steps import PythonSteps


class TorchInstaller:
    """Installs PyTorch for the panel.

    Parameters
    ----------
    on_busy : callable(bool)
        Told when an installation begins and when it has ended.
    say : callable(str)
        What is being done, in one line.
    log : callable(str)
        Each line of pip.
    """

    def __init__(
        self,
        on_busy: Callable[[bool], None],
        say: Callable[[str], None],
        log: Callable[[str], None],
    ) -> None:
        self._on_busy, self._say, self._log = on_busy, say, log
        self._steps: PythonSteps | None = None
        self._began_s = 0.0

    def ensure(self, then: Callable[[], None]) -> bool:
        """Whether a run can start now.

        If PyTorch is missing and the user agrees, it is installed, and ``then`` is called when that
        is done in the background.
        """
        if torch_setup.is_installed():
            return True
        try:
            extension = torch_setup.find_extension()
            if not slicer.util.confirmOkCancelDisplay(torch_setup.EXPLANATION):
                return False
            return self._install(extension, then)
        except torch_setup.TorchSetupError as error:
            slicer.util.errorDisplay(str(error))
            return False

    def repair(self, reason: str, then: Callable[[], None]) -> None:
        """Install PyTorch anew if the user agrees, because it could not be loaded."""
        try:
            extension = torch_setup.find_extension()
            text = torch_setup.REPAIR.format(reason=reason)
            if slicer.util.confirmOkCancelDisplay(text):
                torch_setup.uninstall(extension)
                if self._install(extension, then):
                    then()
        except torch_setup.TorchSetupError as error:
            slicer.util.errorDisplay(str(error))

    def cancel(self) -> None:
        if self._steps is not None:
            self._steps.cancel()

    def close(self) -> None:
        """The module or the application ends."""
        if self._steps is not None:
            self._steps.close()

    def _install(self, extension, then: Callable[[], None]) -> bool:
        """Begin the installation; whether it is done already."""
        steps = torch_setup.installation_steps(extension)
        self._on_busy(True)
        if steps is None:
            slicer.app.processEvents()  # drawn now: the window waits
            try:
                torch_setup.install_and_wait(extension)
            finally:
                self._on_busy(False)
            return True
        self._began_s = time.monotonic()
        self._steps = PythonSteps(steps, self._tell, lambda problem: self._ended(problem, then))
        self._steps.start()
        return False

    def _tell(self, line: str) -> None:
        self._log(line)
        elapsed_s = time.monotonic() - self._began_s
        self._say(
            _("Installing PyTorch, {seconds:.0f} s: {line}").format(seconds=elapsed_s, line=line)
        )

    def _ended(self, problem: str, then: Callable[[], None]) -> None:
        self._steps = None
        self._on_busy(False)
        if problem == PythonSteps.CANCELLED:
            self._say(_("The installation of PyTorch was canceled"))
        elif problem:
            self._say("")
            slicer.util.errorDisplay(torch_setup.not_installed_message(problem))
        else:
            torch_setup.forget_what_was_missing()
            self._say(_("PyTorch is installed"))
            then()
