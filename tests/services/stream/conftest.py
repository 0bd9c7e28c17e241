"""The modules beside these tests are on their path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
