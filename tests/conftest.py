"""Property tests draw the same examples every time, so that a commit passes everywhere or nowhere.

HYPOTHESIS_PROFILE=search in the environment looks for new ones.
"""

import os

from hypothesis import settings

settings.register_profile("fixed", derandomize=True)
settings.register_profile("search", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
