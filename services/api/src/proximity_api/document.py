"""Writes the OpenAPI document without any server: `python -m proximity_api.document > openapi.json`."""

import sys

import orjson

from proximity_api import app

if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(app.bare().openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
