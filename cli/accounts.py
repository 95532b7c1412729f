"""The accounts of the demo, and the password that everybody knows: who they are, and nothing of how they are made."""

from engine import ids
from engine.shapes import Value

PASSWORD = "dispensary-demo"
"Of every account of the demo."


class Account(Value):
    """Somebody made up."""

    role: str
    first_name: str
    last_name: str

    @property
    def email(self) -> str:
        return f"{self.first_name}@example.org".lower()

    @property
    def user_id(self) -> str:
        return ids.derived("demo account", self.email)


ADMINISTRATOR = Account("ADMIN", "Ada", "Quill")
STAFF = (Account("STAFF", "Ben", "Mortar"), Account("STAFF", "Cleo", "Vial"))
CUSTOMERS = (
    Account("CUSTOMER", "Dora", "Maple"),
    Account("CUSTOMER", "Emil", "Stone"),
    Account("CUSTOMER", "Fay", "Brook"),
    Account("CUSTOMER", "Gus", "Heath"),
    Account("CUSTOMER", "Hedy", "Lark"),
    Account("CUSTOMER", "Ivo", "Reed"),
    Account("CUSTOMER", "Jana", "Frost"),
    Account("CUSTOMER", "Kai", "Moss"),
    Account("CUSTOMER", "Lea", "Finch"),
    Account("CUSTOMER", "Milo", "Ash"),
    Account("CUSTOMER", "Nora", "Wren"),
    Account("CUSTOMER", "Otis", "Dale"),
    Account("CUSTOMER", "Pia", "Thorn"),
    Account("CUSTOMER", "Quin", "Marsh"),
    Account("CUSTOMER", "Rosa", "Field"),
    Account("CUSTOMER", "Sven", "Birch"),
    Account("CUSTOMER", "Tess", "Cliff"),
    Account("CUSTOMER", "Ugo", "Plum"),
    Account("CUSTOMER", "Vera", "Cove"),
    Account("CUSTOMER", "Wim", "Hazel"),
)
ALL = (ADMINISTRATOR, *STAFF, *CUSTOMERS)
EXAMPLES = (ADMINISTRATOR, STAFF[0], CUSTOMERS[0])
"One of each role, for those who look around."
