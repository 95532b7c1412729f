"""What Alembic runs: the migrations of one kind of store, in the transaction of whoever asks for them."""

from alembic import context

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"], version_table=attributes["version_table"], transactional_ddl=True
)
context.run_migrations()
