//! What takes room and is nobody's, in bytes and with its age: for people who ask, and as numbers that the background task keeps.

use uuid::Uuid;

use crate::{
    catalog::PackRow,
    clock::Timestamp,
    error::Fault,
    inner::Inner,
    segments::{Container, Orphan, Stored},
    sweep::{self, Garbage},
};

/// Everything that takes room and is nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Litter {
    /// The moment of the store's clock, for ages.
    pub now: Timestamp,
    /// Contents without names, and uploads that did not end.
    pub contents: Vec<Garbage>,
    /// Sessions that the clock has ended.
    pub sessions: Vec<ExpiredSession>,
    /// Packs with dead space.
    pub packs: Vec<PackSpace>,
    /// What was set aside because no row named it.
    pub orphans: Vec<Orphan>,
}

/// A session that the clock has ended, and nobody has cleaned up yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredSession {
    /// Its id.
    pub session: Uuid,
    /// The path that it would have become.
    pub path: String,
    /// When its last chunk came.
    pub touched: Timestamp,
    /// What its file takes of the disk.
    pub bytes: u64,
}

/// How the space of a pack is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackSpace {
    /// The pack.
    pub pack: Uuid,
    /// Contents in it.
    pub contents: u64,
    /// Their bytes.
    pub live: u64,
    /// Bytes of the disk that were freed in it and that the disk has not got back: less than a page beside each content. They go with
    /// the pack, when its last content goes.
    pub dead: u64,
    /// Bytes of the disk that were taken ahead. The next start gives them back.
    pub ahead: u64,
}

impl PackSpace {
    fn of(row: PackRow, stored: &Stored) -> Self {
        // What was taken ahead lies behind the last body as a whole.
        let ahead = stored.end.saturating_sub(row.end).min(stored.bytes.saturating_sub(row.bytes));
        let dead = stored.bytes.saturating_sub(row.bytes).saturating_sub(ahead);
        Self { pack: row.id, contents: row.contents, live: row.bytes, dead, ahead }
    }
}

/// Looks at everything. Also brings the numbers up to date.
pub(crate) async fn read(inner: &Inner) -> Result<Litter, Fault> {
    let now = inner.clock.now();
    let contents = sweep::garbage(inner).await?;
    let mut sessions = Vec::new();
    let expired = inner.in_time(inner.catalog.expired(now.minus(inner.limits.session_expiry))).await??;
    for row in expired {
        let bytes = inner.in_time(inner.segments.held(row.blob.0)).await??;
        sessions.push(ExpiredSession { session: row.session, path: row.path, touched: row.touched, bytes });
    }
    let packs = packs(inner).await?.into_iter().filter(|pack| pack.dead + pack.ahead > 0).collect();
    Ok(Litter { now, contents, sessions, packs, orphans: orphans(inner).await? })
}

/// How the space of every pack that has rows is used.
pub(crate) async fn packs(inner: &Inner) -> Result<Vec<PackSpace>, Fault> {
    let rows = inner.in_time(inner.catalog.packs()).await??;
    let stored = inner.in_time(inner.segments.inventory()).await??;
    let stored_of = |row: &PackRow| stored.iter().find(|stored| stored.container == Container::Pack(row.id));
    let spaces = rows.into_iter().filter_map(|row| Some(PackSpace::of(row, stored_of(&row)?))).collect::<Vec<_>>();
    inner.activity.packs(spaces.iter().map(|pack| pack.live).sum(), spaces.iter().map(|pack| pack.dead).sum());
    Ok(spaces)
}

/// What was set aside.
pub(crate) async fn orphans(inner: &Inner) -> Result<Vec<Orphan>, Fault> {
    let orphans = inner.in_time(inner.segments.orphans()).await??;
    inner.activity.orphans(orphans.len() as u64, orphans.iter().map(|orphan| orphan.bytes).sum());
    Ok(orphans)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_of_a_pack_is_live_dead_or_taken_ahead() {
        let row = PackRow { id: Uuid::from_u128(1), contents: 2, bytes: 10_000, end: 30_000 };
        let stored = |end, bytes| Stored { container: Container::Pack(row.id), end, bytes };
        let space = |end, bytes| {
            let space = PackSpace::of(row, &stored(end, bytes));
            (space.live, space.dead, space.ahead)
        };
        assert_eq!(space(30_000, 32_768), (10_000, 22_768, 0), "nothing was punched");
        assert_eq!(space(30_000, 12_288), (10_000, 2_288, 0));
        assert_eq!(space(67_108_864, 67_108_864), (10_000, 20_000, 67_078_864));
        assert_eq!(space(67_108_864, 12_288), (10_000, 0, 2_288), "a disk that takes nothing ahead");
        assert_eq!(space(20_000, 0), (10_000, 0, 0), "a pack that lost its end");
    }
}
