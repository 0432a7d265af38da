"""A scripted Telnyx API on loopback. `from simulator import Simulator`; see simulator.py."""

from .faults import FAULTS, names as fault_names
from .journal import Entry
from .rules import Rule
from .simulator import Simulator

__all__ = ["FAULTS", "Entry", "Rule", "Simulator", "fault_names"]
