#!/usr/bin/env bash
# Builds the content of the images: an environment with the package and what a user server or the service needs.
#
#   install.sh user|service|hub FOLDER      from the checkout that contains this file
set -euo pipefail
WHAT=$1
FOLDER=$2
HERE=$(cd "$(dirname "$0")/../.." && pwd)
case $WHAT in
  user | service | hub) ;;
  *) echo "What is $WHAT? Say user, service or hub."; exit 2 ;;
esac
python3 -m venv "$FOLDER"
install() { "$FOLDER/bin/python" -m pip install -q --disable-pip-version-check "$@"; }
install --require-hashes -r "$HERE/requirements/$WHAT.txt"
install --no-deps --no-build-isolation --no-index "$HERE"
"$FOLDER/bin/python" -m pip check -q --disable-pip-version-check
"$FOLDER/bin/python" - "$WHAT" <<'CHECK'
import importlib
import sys

NEEDED = {
    "user": ["eci_annotate", "eci_annotate.viewer.notebook", "eci_annotate.userservers.voila_server", "jupyterlab"],
    "service": ["eci_annotate", "fastapi", "uvicorn", "jupyterhub", "jupyterhub_idle_culler", "psycopg"],
    "hub": ["eci_annotate.userservers.spawner", "eci_annotate.userservers.accounts", "oauthenticator", "ltiauthenticator"],
}
for name in NEEDED[sys.argv[1]]:
    importlib.import_module(name)
CHECK
echo "The $WHAT image's environment is in $FOLDER"
