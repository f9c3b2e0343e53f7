# SPDX-License-Identifier: GPL-2.0-only
"""Many runs: series x bases x variants x suites, here one after the other, or on the workers of a cluster.

Each cell is an ordinary ``dmabuf-harness run`` in a process of its own (``cell_run``). ``cell_ledger`` decides what is
done where and what that amounts to; ``matrix_campaign`` does so and keeps what is known; ``cell_crew`` does cells.
dask is named by ``dask_crew`` and ``dask_worker`` alone: it is an extra of the package.
"""

from harness.matrix.cell_crew import CellCrew, LocalCrew
from harness.matrix.cell_ledger import CellLedger
from harness.matrix.cell_order import CellOrder, OrderBook, load_orders, save_orders
from harness.matrix.matrix_campaign import MatrixCampaign, clear_leftovers, refuse_other
from harness.matrix.matrix_file import CellPlace, MatrixFile, places, read_matrix, refuse_empty
from harness.matrix.stored_series import store_series

__all__ = [
    "CellCrew",
    "CellLedger",
    "CellOrder",
    "CellPlace",
    "LocalCrew",
    "MatrixCampaign",
    "MatrixFile",
    "OrderBook",
    "clear_leftovers",
    "load_orders",
    "places",
    "read_matrix",
    "refuse_empty",
    "refuse_other",
    "save_orders",
    "store_series",
]
