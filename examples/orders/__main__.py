from __future__ import annotations

import sys

from examples.orders.cli import main

sys.exit(main())
