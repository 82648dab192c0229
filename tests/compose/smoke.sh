#!/usr/bin/env bash
# The main job on the stack of compose.yaml, with blows; the last line is PASS or FAIL. Needs Docker Compose and Python
# 3.11, nothing else. It takes a project of its own, which it leaves running: what can be set is in smoke.py; to end it,
# docker compose --project-name proximity-smoke --profile demo down --volumes
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" -m compose.smoke
