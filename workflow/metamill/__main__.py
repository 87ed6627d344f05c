import sys

from metamill.cli import main

sys.exit(main())
