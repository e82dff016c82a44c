"""All families, in the order in which they are tried; of two changes that give the same numbers the first is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lockstep_reference.counterfactuals.arguments import arguments
from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.changes import changes
from lockstep_reference.counterfactuals.configs import configs
from lockstep_reference.counterfactuals.elementwise import elementwise
from lockstep_reference.counterfactuals.entering import entering
from lockstep_reference.counterfactuals.frequencies import frequencies
from lockstep_reference.counterfactuals.grids import grids, sections
from lockstep_reference.counterfactuals.indices import indices
from lockstep_reference.counterfactuals.masks import masks
from lockstep_reference.counterfactuals.matrices import matrices
from lockstep_reference.counterfactuals.modules import modules
from lockstep_reference.counterfactuals.moves import moves
from lockstep_reference.counterfactuals.norms import norms
from lockstep_reference.counterfactuals.orders import orders
from lockstep_reference.counterfactuals.packing import packing
from lockstep_reference.counterfactuals.positions import positions
from lockstep_reference.counterfactuals.precision import precision
from lockstep_reference.counterfactuals.rope import rope
from lockstep_reference.counterfactuals.rope_tables import rope_tables
from lockstep_reference.counterfactuals.routing import routing
from lockstep_reference.counterfactuals.scalars import scalars
from lockstep_reference.counterfactuals.sizes import sizes
from lockstep_reference.counterfactuals.terms import terms
from lockstep_reference.counterfactuals.tokens import tokens
from lockstep_reference.counterfactuals.weights import weights

Family = Callable[[Scene], Iterator[Counterfactual]]

FAMILIES: tuple[Family, ...] = (
    sizes,
    tokens,
    masks,
    packing,
    routing,
    grids,
    positions,
    sections,
    norms,
    rope,
    rope_tables,
    frequencies,
    configs,
    changes,
    scalars,
    weights,
    matrices,
    elementwise,
    entering,
    terms,
    modules,
    moves,
    arguments,
    indices,
    orders,
    precision,
)
