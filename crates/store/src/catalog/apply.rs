//! Carries out the steps of one change on the writing connection, inside the savepoint that the committer opened.

use std::cell::Cell;

use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::{
    heal,
    ledger::Ledger,
    names, recount,
    schema::{BLOB_DOOMED, BLOB_OPEN, BLOB_READY, SEGMENT_READY, WRITER_DONE},
    tree, writers,
};
use crate::{
    change::{Body, Change, Effect, Step},
    clock::Timestamp,
    error::Refusal,
    model::{Account, BlobId},
    segments::{Container, Location},
};

/// Why a step did not happen.
#[derive(Debug)]
pub(super) enum StepError {
    Refused(Refusal),
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for StepError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Refusal> for StepError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

pub(super) type Stepped<T> = Result<T, StepError>;

/// A step that did not happen.
pub(super) struct Failed {
    /// Its index.
    pub(super) step: usize,
    /// Why.
    pub(super) error: Box<StepError>,
}

impl Failed {
    pub(super) fn at(step: usize, error: StepError) -> Self {
        Self { step, error: Box::new(error) }
    }
}

/// A body that a change commits.
pub(super) struct Uploaded {
    /// The blob that became content: its own or an equal one.
    pub(super) blob: Uuid,
    pub(super) size: u64,
    pub(super) account: Account,
    /// Some name has it.
    named: Cell<bool>,
    /// Its row counts a name already that it does not have yet: most bodies get exactly one, which then is no change of the row.
    awaits_name: Cell<bool>,
}

/// A content that has the bytes of a body already.
struct Equal {
    blob: Uuid,
    /// Or should have: it was found damaged.
    damaged: bool,
}

/// What the steps of one change share.
pub(super) struct Transaction<'a> {
    pub(super) db: &'a Connection,
    /// What the changes of the batch count up together.
    pub(super) ledger: &'a Ledger<'a>,
    pub(super) now: Timestamp,
    /// The bodies in the order in which they were committed; none for an empty one.
    pub(super) uploaded: Vec<Option<Uploaded>>,
}

/// Carries out all steps; the index of a step that was refused comes back with the reason.
pub(super) fn apply(
    db: &Connection,
    ledger: &Ledger<'_>,
    now: Timestamp,
    change: &Change,
) -> Result<Vec<Effect>, Failed> {
    let mut transaction = Transaction { db, ledger, now, uploaded: Vec::new() };
    let mut effects = Vec::with_capacity(change.steps.len());
    for (index, step) in change.steps.iter().enumerate() {
        effects.push(transaction.step(step).map_err(|error| Failed::at(index, error))?);
    }
    for uploaded in transaction.uploaded.iter().flatten().filter(|uploaded| !uploaded.named.get()) {
        transaction.doom_unnamed(uploaded).map_err(|error| Failed::at(change.steps.len(), error))?;
    }
    Ok(effects)
}

impl Transaction<'_> {
    fn step(&mut self, step: &Step) -> Stepped<Effect> {
        match step {
            Step::Create(name) => names::create(self, name),
            Step::Update { name, when, update } => names::update(self, name, when, update),
            Step::Expect { name, when } => names::expect(self, name, when).map(|_| Effect::Done),
            Step::Delete { name, when } => names::delete(self, name, when),
            Step::DeleteScope { dialect, scope } => names::delete_scope(self, dialect, scope),
            Step::Bury(name) => names::bury(self, name),
            Step::SameName { name, born } => names::same(self, name, *born),
            Step::PutFile { tree, path } => tree::put_uploaded(self, tree, path),
            Step::DeletePath { tree, path } => tree::delete(self, tree, path).map(Effect::Deleted),
            Step::CopyPath(copy) => tree::copy(self, copy).map(Effect::Copied),
            Step::Commit(body) => self.commit(body),
            Step::CommitEmpty => {
                self.uploaded.push(None);
                Ok(Effect::Done)
            }
            Step::OpenWriter(writer) => writers::open(self, writer),
            Step::Reserve { writer, least, most, quota } => writers::reserve(self, *writer, *least, *most, *quota),
            Step::Settle { writer, reserved } => writers::settle(self, *writer, *reserved),
            Step::RecordChunk { writer, segment, range, checksums, limit } => {
                writers::record(self, *writer, *segment, *range, checksums, *limit)
            }
            Step::CommitSession { writer } => writers::commit_session(self, *writer),
            Step::AbortWriter(writer) | Step::DeleteSession(writer) => writers::abort(self, *writer),
            Step::AbortUploads => writers::abort_uploads(self),
            Step::AbortSessions { before, except } => writers::abort_sessions(self, *before, except),
            Step::ForgetWriters { before } => writers::forget(self, *before),
            Step::ForgetSession(writer) => writers::forget_session(self, *writer),
            Step::Fingerprint { blob, blake3 } => self.fingerprint(*blob, blake3),
            Step::DropBlob { blob, limit } => self.drop_blob(*blob, *limit),
            Step::Mark { blob, damaged, container } => heal::mark(self, *blob, *damaged, *container),
            Step::Redigest { blob, blake3, digests } => heal::digest_anew(self, *blob, blake3, digests),
            Step::Relink { from, to } => heal::relink(self, *from, *to),
            Step::Recount => recount::recount(self),
            Step::Harden => Ok(Effect::Done),
        }
    }

    fn commit(&mut self, body: &Body) -> Stepped<Effect> {
        if let Some(writer) = body.writer {
            writers::end(self, writer, WRITER_DONE)?;
        }
        let mut awaits_name = false;
        let (blob, effect) = match self.equal_blob(body)? {
            Some(Equal { blob, damaged: false }) => {
                if body.writer.is_some() {
                    self.doom(body.blob.0)?;
                }
                self.complete_digests(blob, body)?;
                (blob, Effect::Shared(BlobId(blob)))
            }
            None => {
                awaits_name = true;
                self.publish(body, 1)?;
                (body.blob.0, Effect::Done)
            }
            Some(Equal { blob, damaged: true }) => {
                self.publish(body, 0)?;
                heal::take_the_place(self, blob, body.blob.0)?;
                self.complete_digests(blob, body)?;
                (blob, Effect::Healed(BlobId(blob)))
            }
        };
        let (size, account) = (body.size, body.account.clone());
        let (named, awaits_name) = (Cell::new(false), Cell::new(awaits_name));
        self.uploaded.push(Some(Uploaded { blob, size, account, named, awaits_name }));
        Ok(effect)
    }

    /// Makes a body content that `names` names have.
    fn publish(&self, body: &Body, names: u64) -> Stepped<()> {
        if body.writer.is_some() { self.publish_large(body, names) } else { self.insert_small(body, names) }
    }

    /// A content with the same bytes; one that is damaged first, since it needs them.
    fn equal_blob(&self, body: &Body) -> rusqlite::Result<Option<Equal>> {
        let Some(blake3) = body.blake3 else { return Ok(None) };
        self.db
            .prepare_cached(
                "SELECT id, damaged IS NOT NULL FROM blob WHERE blake3 = ?1 AND size = ?2 AND state = ?3
                 ORDER BY damaged DESC, id DESC LIMIT 1",
            )?
            .query_row(params![blake3, body.size, BLOB_READY], |row| {
                Ok(Equal { blob: id_at_0(row)?, damaged: row.get(1)? })
            })
            .optional()
    }

    /// A blob that is shared from now on may have been stored without the digests that this upload asked for.
    fn complete_digests(&self, blob: Uuid, body: &Body) -> rusqlite::Result<()> {
        let digests = &body.digests;
        self.db
            .prepare_cached(
                "UPDATE blob SET md5 = coalesce(md5, ?2), sha256 = coalesce(sha256, ?3), sha512 = coalesce(sha512, ?4)
                 WHERE id = ?1",
            )?
            .execute(params![blob.into_bytes(), digests.md5, digests.sha256, digests.sha512.as_ref().map(|d| &d[..])])
            .map(drop)
    }

    fn publish_large(&self, body: &Body, names: u64) -> Stepped<()> {
        let digests = &body.digests;
        let changed = self
            .db
            .prepare_cached(
                "UPDATE blob SET state = ?2, size = ?3, md5 = ?4, sha256 = ?5, sha512 = ?6, blake3 = ?7, refs = ?9
                 WHERE id = ?1 AND state = ?8",
            )?
            .execute(params![
                body.blob.0.into_bytes(),
                BLOB_READY,
                body.size,
                digests.md5,
                digests.sha256,
                digests.sha512.as_ref().map(|d| &d[..]),
                body.blake3,
                BLOB_OPEN,
                names
            ])?;
        if changed == 0 {
            return Err(Refusal::WriterGone.into());
        }
        self.db
            .prepare_cached(
                "UPDATE segment SET state = ?2, length = ?3, checksums = ?4 WHERE blob = ?1 AND position = 0",
            )?
            .execute(params![body.blob.0.into_bytes(), SEGMENT_READY, body.size, &body.checksums[..]])?;
        Ok(())
    }

    fn insert_small(&self, body: &Body, names: u64) -> Stepped<()> {
        let digests = &body.digests;
        self.db
            .prepare_cached(
                "INSERT INTO blob (id, state, size, refs, md5, sha256, sha512, blake3) VALUES (?1, ?2, ?3, ?8, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                body.blob.0.into_bytes(),
                BLOB_READY,
                body.size,
                digests.md5,
                digests.sha256,
                digests.sha512.as_ref().map(|d| &d[..]),
                body.blake3,
                names
            ])?;
        self.ledger.add_content(body.size);
        self.insert_segment(body.blob.0, body.blob.0, 0, body.size, body.location, &body.checksums, SEGMENT_READY)?;
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one argument per column; a struct would repeat the row")]
    pub(super) fn insert_segment(
        &self,
        id: Uuid,
        blob: Uuid,
        position: u64,
        length: u64,
        location: Location,
        checksums: &[u8],
        state: i64,
    ) -> rusqlite::Result<()> {
        let packed = matches!(location.container, Container::Pack(_));
        self.db
            .prepare_cached(
                "INSERT INTO segment (id, blob, position, length, packed, container, offset, checksums, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(params![
                id.into_bytes(),
                blob.into_bytes(),
                position,
                length,
                packed,
                location.container.id().into_bytes(),
                location.offset,
                checksums,
                state
            ])
            .map(drop)
    }

    /// A name for a body of this change.
    pub(super) fn name_uploaded(&self, uploaded: &Uploaded) -> Stepped<()> {
        uploaded.named.set(true);
        if uploaded.awaits_name.take() { Ok(()) } else { self.share(uploaded.blob, 1) }
    }

    /// One more name for a blob.
    pub(super) fn share(&self, blob: Uuid, names: u64) -> Stepped<()> {
        let changed = self
            .db
            .prepare_cached("UPDATE blob SET refs = refs + ?2 WHERE id = ?1 AND state = ?3")?
            .execute(params![blob.into_bytes(), names, BLOB_READY])?;
        if changed == 0 { Err(Refusal::ContentGone.into()) } else { Ok(()) }
    }

    /// Fewer names for a blob; the last one dooms it.
    pub(super) fn release(&self, blob: Uuid, names: u64) -> rusqlite::Result<()> {
        self.db
            .prepare_cached(
                "UPDATE blob SET refs = refs - ?2, state = CASE WHEN refs > ?2 THEN state ELSE ?3 END WHERE id = ?1",
            )?
            .execute(params![blob.into_bytes(), names, BLOB_DOOMED])
            .map(drop)
    }

    /// Nobody will ever read the blob.
    pub(super) fn doom(&self, blob: Uuid) -> rusqlite::Result<()> {
        self.db
            .prepare_cached("UPDATE blob SET state = ?2 WHERE id = ?1")?
            .execute(params![blob.into_bytes(), BLOB_DOOMED])
            .map(drop)
    }

    /// No step took a body of this change; other names may have the same bytes.
    fn doom_unnamed(&self, uploaded: &Uploaded) -> Stepped<()> {
        if uploaded.awaits_name.take() {
            return Ok(self.release(uploaded.blob, 1)?);
        }
        self.db
            .prepare_cached("UPDATE blob SET state = ?2 WHERE id = ?1 AND refs = 0")?
            .execute(params![uploaded.blob.into_bytes(), BLOB_DOOMED])?;
        Ok(())
    }

    /// Counts bytes for an account; with a quota they must have room.
    pub(super) fn charge(&self, dialect: &str, account: &str, bytes: u64, quota: Option<u64>) -> Stepped<()> {
        if let Some(quota) = quota {
            writers::check_quota(self, dialect, account, bytes, quota)?;
        }
        self.ledger.add_bytes(dialect, account, signed(bytes));
        Ok(())
    }

    /// Gives bytes of an account back.
    pub(super) fn refund(&self, dialect: &str, account: &str, bytes: u64) {
        self.ledger.add_bytes(dialect, account, -signed(bytes));
    }

    fn fingerprint(&self, blob: BlobId, blake3: &[u8; 32]) -> Stepped<Effect> {
        self.db
            .prepare_cached("UPDATE blob SET blake3 = ?2 WHERE id = ?1")?
            .execute(params![blob.0.into_bytes(), blake3])?;
        Ok(Effect::Done)
    }

    fn drop_blob(&self, blob: BlobId, limit: u32) -> Stepped<Effect> {
        let id = blob.0.into_bytes();
        self.db
            .prepare_cached(
                "DELETE FROM segment WHERE blob = ?1 AND position IN
                 (SELECT position FROM segment WHERE blob = ?1 ORDER BY position LIMIT ?2)",
            )?
            .execute(params![id, limit])?;
        let left: bool = self
            .db
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM segment WHERE blob = ?1)")?
            .query_row([id], |row| row.get(0))?;
        if left {
            return Ok(Effect::More);
        }
        self.db
            .prepare_cached(
                // Whoever dooms the blob of a writer ends the writer with it.
                "DELETE FROM blob WHERE id = ?1 AND state = ?2",
            )?
            .execute(params![id, BLOB_DOOMED])?;
        Ok(Effect::Done)
    }
}

/// A size as it is added to a counter.
pub(super) fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).expect("sizes come from SQLite or from bodies that were counted, both below 2^63")
}

/// The id in the first column.
pub(super) fn id_at_0(row: &rusqlite::Row<'_>) -> rusqlite::Result<Uuid> {
    row.get::<_, [u8; 16]>(0).map(Uuid::from_bytes)
}
