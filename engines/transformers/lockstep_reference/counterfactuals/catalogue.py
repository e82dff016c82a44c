"""All families, in the order in which they are tried; of two changes that give the same numbers the first is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lockstep_reference.counterfactuals.base import Counterfactual, Scene
from lockstep_reference.counterfactuals.families.arguments import arguments
from lockstep_reference.counterfactuals.families.changes import changes
from lockstep_reference.counterfactuals.families.configs import configs
from lockstep_reference.counterfactuals.families.elementwise import elementwise
from lockstep_reference.counterfactuals.families.entering import entering
from lockstep_reference.counterfactuals.families.frequencies import frequencies
from lockstep_reference.counterfactuals.families.grids import grids, sections
from lockstep_reference.counterfactuals.families.indices import indices
from lockstep_reference.counterfactuals.families.masks import masks
from lockstep_reference.counterfactuals.families.matrices import matrices
from lockstep_reference.counterfactuals.families.modules import modules
from lockstep_reference.counterfactuals.families.moves import moves
from lockstep_reference.counterfactuals.families.norms import norms
from lockstep_reference.counterfactuals.families.orders import orders
from lockstep_reference.counterfactuals.families.packing import packing
from lockstep_reference.counterfactuals.families.positions import positions
from lockstep_reference.counterfactuals.families.precision import precision
from lockstep_reference.counterfactuals.families.rope import rope
from lockstep_reference.counterfactuals.families.rope_tables import rope_tables
from lockstep_reference.counterfactuals.families.routing import routing
from lockstep_reference.counterfactuals.families.scalars import scalars
from lockstep_reference.counterfactuals.families.sizes import sizes
from lockstep_reference.counterfactuals.families.sources import sources
from lockstep_reference.counterfactuals.families.terms import terms
from lockstep_reference.counterfactuals.families.tokens import tokens
from lockstep_reference.counterfactuals.families.weights import weights

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
    sources,
    terms,
    modules,
    moves,
    arguments,
    indices,
    orders,
    precision,
)
