"""Find, verify and load the networks' weights.

Examples
--------
>>> ensembles = read_manifest(default_weights_folder())
>>> len(ensembles["icv"].folds)
5
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import WeightsError
from ..machine.memory import is_out_of_memory
from ..options import STRUCTURES

if TYPE_CHECKING:
    from torch import nn

    from ..geometry.canonical_frame import Template

MANIFEST_NAME = "manifest.json"
# Corrects the result of the "icv" ensemble, fold by fold. Optional in custom weights.
ICV_BORDER = "icv_border"
ENSEMBLES = (*STRUCTURES, ICV_BORDER)


@dataclass(frozen=True)
class FoldWeights:
    """Weight file of one fold and its expected checksum."""

    fold: int
    path: Path
    sha256: str


@dataclass(frozen=True)
class Ensemble:
    """Configuration of the networks of one structure, from manifest.json.

    Attributes
    ----------
    network : dict
        Keyword arguments of the class that `network_class` returns.
    spacing_mm : float
        Voxel size of the input grid.
    shape : tuple of int
        Size of the input grid.
    template : Template or None
        Template of the canonical frame, for the fine stage.
    frame : FoldWeights or None
        The network that finds the frame, for the fine stage of adapted weights: a fold of the
        ensemble that they were made of. None: the first fold finds it.
    """

    structure: str
    network: dict
    spacing_mm: float
    shape: tuple[int, int, int]
    folds: tuple[FoldWeights, ...]
    template: Template | None = None
    frame: FoldWeights | None = None


def default_weights_folder() -> Path:
    """Find the weights: inside or beside this package, or at the root of a checkout.

    Raises
    ------
    WeightsError
        If no manifest is found.
    """
    package = Path(__file__).resolve().parents[1]
    # Installed by pip; in a Slicer extension beside the modules; in a checkout of the repository.
    places = (package / "weights", package.parent / "weights", package.parents[1] / "weights")
    for place in places:
        if (place / MANIFEST_NAME).exists():
            return place
    raise WeightsError(
        f"No weights found: {MANIFEST_NAME} is not in {' or '.join(map(str, places))}. "
        "Reinstall the package."
    )


def weights_folder(chosen: str | None) -> Path:
    """Find the weights that an option names; None: those of the package.

    Raises
    ------
    WeightsError
        If there is no manifest.
    """
    if chosen is None:
        return default_weights_folder()
    folder = Path(chosen)
    if not folder.is_dir():
        raise WeightsError(
            "The folder of weights {folder} is not there. Connect its drive, or choose another.",
            folder=folder,
        )
    if not (folder / MANIFEST_NAME).is_file():
        raise WeightsError(
            "{folder} is not a folder of weights: {name} is not in it. Choose the folder that "
            "hypothalamus-seg adapt wrote.",
            folder=folder,
            name=MANIFEST_NAME,
        )
    return folder


def manifest_state(chosen: str | None) -> tuple[int, ...] | None:
    """Identify the state of a chosen folder's manifest; None if it is missing, or the package's."""
    if chosen is None:
        return None
    try:
        state = (Path(chosen) / MANIFEST_NAME).stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino


def read_manifest(folder: Path) -> dict[str, Ensemble]:
    """Read manifest.json; raises `WeightsError` if it is missing or invalid."""
    # Imports SimpleITK, which would delay opening the Slicer panel.
    from ..geometry.canonical_frame import Template

    path = folder / MANIFEST_NAME
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        return {
            structure: Ensemble(
                structure=structure,
                network=plan["network"],
                spacing_mm=float(plan["spacing_mm"]),
                shape=tuple(plan["shape"]),
                folds=tuple(
                    FoldWeights(int(fold["fold"]), folder / fold["file"], fold["sha256"])
                    for fold in plan["folds"]
                ),
                template=Template.from_json(plan["template"]) if "template" in plan else None,
                frame=_frame_weights(folder, plan),
            )
            for structure, plan in manifest["structures"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> WeightsError:
    """What to say of a manifest that cannot be read."""
    # The system's own words name the path, which not every reader may see.
    reason = error.strerror if isinstance(error, OSError) else error
    return WeightsError(
        "{path} cannot be read ({reason}). {remedy}",
        path=path,
        reason=str(reason),
        remedy=_remedy(path),
    )


def _frame_weights(folder: Path, plan: dict) -> FoldWeights | None:
    found = plan.get("frame")
    return (
        FoldWeights(int(found["fold"]), folder / found["file"], found["sha256"]) if found else None
    )


def check_weights(folder: Path) -> None:
    """Check a folder of weights as far as it can be without loading a network.

    Raises
    ------
    WeightsError
        If the manifest cannot be read, networks are missing, or a file is damaged.
    """
    for ensemble in read_ensembles(folder, STRUCTURES).values():
        for fold in (*ensemble.folds, *([ensemble.frame] if ensemble.frame else [])):
            verify_checksum(fold)


def read_ensembles(folder: Path, structures: Sequence[str]) -> dict[str, Ensemble]:
    """Read the ensembles needed for some structures.

    The coarse ensemble, "icv", is always included: it also locates the hypothalamus.

    Raises
    ------
    WeightsError
        If one is missing from the manifest.
    """
    ensembles = read_manifest(folder)
    wanted = {"icv", *structures}
    if "icv" in structures and ICV_BORDER in ensembles:
        wanted.add(ICV_BORDER)
    missing = sorted(wanted - set(ensembles))
    if missing:
        raise WeightsError(
            "{path} lists no {networks} networks. {remedy}",
            path=folder / MANIFEST_NAME,
            networks=missing[0],
            remedy=_remedy(folder / MANIFEST_NAME),
        )
    return {name: ensembles[name] for name in ENSEMBLES if name in wanted}


def load_networks(ensemble: Ensemble, folds: Sequence[int], device: str) -> list[nn.Module]:
    """Load folds of an ensemble after checking their SHA-256.

    Parameters
    ----------
    ensemble : Ensemble
    folds : sequence of int
        Fold numbers.
    device : str
        "cpu", "cuda" or "mps".

    Raises
    ------
    WeightsError
        If a fold is unknown, or a file is missing, has a wrong checksum, or does not match the
        network.
    """
    known = {fold.fold: fold for fold in ensemble.folds}
    missing = sorted(set(folds) - set(known))
    if missing:
        raise WeightsError(
            f"There is no fold {missing[0]} of the {ensemble.structure} networks. Choose from "
            f"{sorted(known)}."
        )
    return [_load_network(ensemble, known[fold], device) for fold in folds]


def load_frame_network(ensemble: Ensemble, device: str) -> nn.Module | None:
    """Load the network that finds the frame, if it is one of its own; raises `WeightsError`."""
    return _load_network(ensemble, ensemble.frame, device) if ensemble.frame else None


def _load_network(ensemble: Ensemble, fold: FoldWeights, device: str) -> nn.Module:
    import torch

    verify_checksum(fold)
    try:
        network = network_class(ensemble.structure)(**ensemble.network)
        state = torch.load(fold.path, map_location="cpu", weights_only=True)
        network.load_state_dict(state)
    except (RuntimeError, KeyError, AttributeError, TypeError, EOFError) as error:
        if is_out_of_memory(error):
            raise
        raise WeightsError(
            "{path} does not match its network: {reason}. {remedy}",
            path=fold.path,
            reason=str(error),
            remedy=_remedy(fold.path),
        ) from error
    layout = torch.channels_last_3d
    return network.eval().requires_grad_(False).to(device, memory_format=layout)


def network_class(structure: str) -> type[nn.Module]:
    """Return the network class of an ensemble."""
    from .profile_network import ProfileNetwork
    from .residual_unet import ResidualUNet

    return ProfileNetwork if structure == ICV_BORDER else ResidualUNet


def _remedy(path: Path) -> str:
    """What to do about a weight file or manifest that cannot be used."""
    try:
        is_own = path.parent.resolve() == default_weights_folder().resolve()
    except WeightsError:
        is_own = True
    return (
        "Reinstall the package." if is_own else "Copy this folder of weights anew, or adapt again."
    )


def verify_checksum(fold: FoldWeights) -> None:
    """Raise `WeightsError` if a weight file is missing or its checksum is wrong."""
    try:
        found = hashlib.sha256(fold.path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(
            "{path} cannot be read. {remedy}", path=fold.path, remedy=_remedy(fold.path)
        ) from error
    if found != fold.sha256:
        raise WeightsError(
            "{path} is damaged or is not the published file: its SHA-256 is {found}…, but the "
            "manifest says {said}…. {remedy}",
            path=fold.path,
            found=found[:12],
            said=fold.sha256[:12],
            remedy=_remedy(fold.path),
        )
