"""Files that listeners sent: kept as received, made safe, made playable, measured.

The package knows bytes, files and figures, and nothing of a desk, a show or a listener's name.
Start with `pipeline.make_renditions` (an original in, renditions and facts out) and
`stores.open_store` (where both are kept). Every child process starts in `runner`; what went wrong
is said by `errors` in words a producer can act on.
"""

import os

__version__ = "1.0"

# Before anyone here imports numpy: its matrices are small in this package, and a second thread that only waits for
# work burns a tenth of a second of a core with every photo. A worker is one process for each core already.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
