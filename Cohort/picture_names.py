"""Ends of the pictures' names: the participant level writes them, pages and index look for them."""

OVERVIEW_ENDING = "_overview.png"
# Three coronal planes, without and with outlines (`Cohort.participant.coronal_planes`).
PLANES_ENDING = "_planes.png"


def planes_of(overview: str) -> str:
    """The picture of the planes that belongs to an overview; empty for none.

    Parameters
    ----------
    overview : str
        Path of an overview picture, or empty.
    """
    return overview.removesuffix(OVERVIEW_ENDING) + PLANES_ENDING if overview else ""
