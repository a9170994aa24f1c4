"""``python -m ginga_bkgplugin.cli``."""

import sys

from ginga_bkgplugin.cli import main

sys.exit(main())
