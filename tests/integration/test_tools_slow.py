#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The four tools: floods, bounds and many at once; see test_tools.py."""
import sys

import test_tools

if __name__ == "__main__":
    sys.exit(test_tools.main("slow_"))
