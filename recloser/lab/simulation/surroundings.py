"""What every part of a simulation shares."""

from __future__ import annotations

from dataclasses import dataclass

from recloser.lab.simulation.agenda import Agenda
from recloser.lab.simulation.books import Books
from recloser.lab.simulation.chance import Chance
from recloser.lab.simulation.misfortune import Misfortune
from recloser.lab.simulation.scenario import Scenario
from recloser.lab.simulation.witness import Witness


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The scenario, its time, its chances, what goes wrong, what is written down and who watches."""

    scenario: Scenario
    agenda: Agenda
    misfortune: Misfortune
    books: Books
    witness: Witness | None

    def chance(self, purpose: str) -> Chance:
        """Return the chances of one purpose, from their beginning."""
        return Chance(self.scenario.seed, purpose)
