#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mutating verb whose end nobody saw: the points of its way that take their time."""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from engine_rig import main  # noqa: E402
from test_engine_unfinished import SLOW  # noqa: E402

if __name__ == "__main__":
    main(SLOW)
