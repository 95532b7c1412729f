"""This shop as an application: what its packages declare."""

import domain
import readmodels
from engine.app import Declarations

DECLARATIONS = Declarations.of(domain, readmodels)
