//! Who is told of every transaction: tests that lose power keep the database as it stood after each.

use rusqlite::Connection;

/// Told by the writing thread, before anybody is answered.
pub(crate) trait Witness: Send + Sync + 'static {
    /// A transaction is complete and about to be committed.
    fn committing(&self);

    /// It is committed. Unless it is `durable`, only the journal keeps it from being lost with the power.
    fn committed(&self, db: &mut Connection, durable: bool);
}
