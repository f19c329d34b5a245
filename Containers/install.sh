#!/bin/sh
# What both images install. In: the source folder, torch's version, where its CPU builds are (empty:
# the default index). Everything that the program needs is fetched now; nothing is at run time.
set -eu
source_folder=$1 torch=$2 torch_index=${3-}
python3 -m venv /opt/hypothalamus-seg
pip="/opt/hypothalamus-seg/bin/pip --no-cache-dir --disable-pip-version-check"
$pip install ${torch_index:+--index-url "$torch_index"} "$torch"
$pip install "$source_folder[cohort]"
rm -rf "$source_folder"
