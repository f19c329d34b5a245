"""The container files say the same, and what they copy is enough to install the program.

No image can be built in a test; `python -m Testing.support.container_recipe` does the Dockerfile's
steps in a chroot.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest

from Cohort.boutiques_descriptor import as_text
from Testing.support.command_runs import environment
from Testing.support.container_recipe import REPOSITORY, copied, read_steps

APPTAINER = REPOSITORY / "Containers/apptainer.def"
# By the setuptools that is here, which torch needs: to fetch another takes longer than all else.
INSTALL = "pip install --no-deps --no-build-isolation --no-compile --no-index --target"
# As `info` does, without the versions of torch and of the machine.
START = """
from HypothalamusSegLib.command_line import main
from HypothalamusSegLib.networks.weight_files import check_weights, default_weights_folder
check_weights(default_weights_folder())
print(default_weights_folder())
main(["--help"])
"""


@pytest.fixture(scope="module")
def sections() -> dict[str, list[str]]:
    """Sections of the Apptainer definition, each as its lines."""
    found: dict[str, list[str]] = {"%header": []}
    name = "%header"
    for line in APPTAINER.read_text(encoding="utf-8").splitlines():
        if line.startswith("%"):
            name = line.strip()
            found[name] = []
        elif line.strip():
            found[name].append(line.strip())
    return found


def instruction(name: str) -> str:
    return next(step.text for step in read_steps() if step.name == name)


def test_both_images_copy_install_and_start_the_same(sections):
    theirs = []
    for line in sections["%files"]:
        source, target = line.split()
        theirs.append((source, target + source if target.endswith("/") else target))
    assert sorted(theirs) == sorted(copied(read_steps()))
    values = dict(s.text.split("=", 1) for s in read_steps() if s.name == "ARG")
    assert f"From: {values['IMAGE']}" in sections["%header"]
    command = instruction("RUN").replace('"', "")
    for name, value in values.items():
        command = command.replace(f"${{{name}}}", value)
    assert command == sections["%post"][0]
    start = json.loads(instruction("ENTRYPOINT"))
    assert sections["%runscript"] == [f'exec {" ".join(start)} "$@"']
    assert sections["%environment"] == [f"export {instruction('ENV')}"]


def test_images_hold_the_torch_that_is_tested():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    pinned = re.search(r"^TORCH \?= (\S+)$", makefile, re.MULTILINE).group(1)
    values = dict(s.text.split("=", 1) for s in read_steps() if s.name == "ARG")
    assert values["TORCH"] == pinned


def test_the_image_does_not_run_as_root_and_fetches_nothing_by_address():
    names = [step.name for step in read_steps()]
    assert instruction("USER") not in ("root", "0")
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "ADD" not in names


def test_what_is_copied_is_let_through_to_docker():
    rules = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split()
    assert rules[0] == "*"
    allowed = [rule[1:] for rule in rules if rule.startswith("!")]
    for source, _ in copied(read_steps()):
        assert (REPOSITORY / source).exists(), source
        assert any(fnmatch(source, rule) for rule in allowed), source


def test_what_is_copied_is_enough_to_install_and_start_it(tmp_path):
    # Not an editable installation: what was forgotten would be found in the checkout.
    for source, target in copied(read_steps()):
        place = tmp_path / target.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(REPOSITORY / source)
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", *INSTALL.split(), site, tmp_path / "opt/source"],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )
    command = json.loads(instruction("ENTRYPOINT"))
    assert (site / "bin" / Path(command[0]).name).is_file()
    told = subprocess.run(
        [sys.executable, "-c", START],
        env={**environment(), "PYTHONPATH": str(site)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert str(site) in told
    assert len(list((site / "HypothalamusSegLib/weights").glob("*.pt"))) == 15


def test_the_boutiques_descriptor_is_that_of_the_present_command_line():
    kept = (REPOSITORY / "Containers/boutiques.json").read_text(encoding="utf-8")
    assert kept == as_text(), "python -m Cohort.boutiques_descriptor > Containers/boutiques.json"
