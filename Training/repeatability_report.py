"""The part of the validation report on repeatability."""

from __future__ import annotations

import numpy as np

from .change_evaluation import share_of_change
from .report_tables import coefficients_of_variation, spread, table

# So that no one needs to search there again.
NO_REPEAT_SCANS = (
    "Repeat scans of one person were not measured, because none were available here. Of the "
    "public sets on GitHub, Kirby 21 (kirby21.t1, kirby21, Neurohacking_data) came without files "
    "above 4 MiB, and therefore without its T1-weighted scans; ds000114 and ds000232 of OpenNeuro "
    "came as git-annex links; of the 120 scans of Maclaren et al. 2014 there is only a "
    "description. To "
    "measure your own, segment both visits with `hypothalamus-seg cohort` and compare them with "
    "`hypothalamus-seg cohort compare`."
)


def repeatability_section(results: dict) -> str:
    """How far volumes vary over perturbed copies of one scan."""
    measured = results["repeatability"]
    first = next(iter(measured.values()))
    structures = list(first["unchanged"])
    names = [{"hypothalamus_total": "hypothalamus", "icv": "ICV"}[s] for s in structures]
    lines = [
        "## Repeatability",
        "",
        f"{len(measured)} heads, each unchanged and under {len(first) - 1} perturbations "
        "(`Training/perturbations.py`). The table gives the coefficient of variation (CV) of the "
        "volume over all of them. No true volume is needed for this.",
        "",
    ]
    found = {name: coefficients_of_variation(rows) for name, rows in measured.items()}
    body = [[name, *(f"{cv[s]:.2f}" for s in structures)] for name, cv in found.items()]
    for label, summary in (("**mean**", np.mean), ("**worst**", np.max)):
        cells = [f"{summary([cv[s] for cv in found.values()]):.2f}" for s in structures]
        body.append([label, *cells])
    lines += table(["head", *(f"{name}, CV %" for name in names)], body)
    if results.get("planted") and "hypothalamus_total" in structures:
        # A method that measures half of every change seems twice as repeatable, without merit.
        share = share_of_change(results["planted"], "zoom")
        mean = np.mean([cv["hypothalamus_total"] for cv in found.values()])
        lines += [
            "",
            f"Divided by the share of a zoom that is measured ({share:.2f}), the mean for the "
            f"hypothalamus is {mean / share:.2f} %. All of these are perturbed copies of one "
            "scan, not scans from different days.",
        ]
    lines += ["", NO_REPEAT_SCANS]
    lines += ["", "Mean change of the volume under each perturbation:", ""]
    body = []
    for label in list(first)[1:]:
        cells = []
        for structure in structures:
            change = [
                100 * (rows[label][structure] / rows["unchanged"][structure] - 1)
                for rows in measured.values()
            ]
            cells.append(f"{np.mean(change):+.2f} ± {spread(change)}")
        body.append([label, *cells])
    lines += table(["perturbation", *(f"{name} %" for name in names)], body)
    return "\n".join([*lines, ""])
