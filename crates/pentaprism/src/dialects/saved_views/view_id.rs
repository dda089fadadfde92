//! Ids of saved views, made as those of the service are (D-105).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// What stands before the first UUID.
const FIRST: u8 = 0;

/// What an id tells. Ids of requests are looked up unread; only one of our own making is worth reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ViewId {
    /// The view's own.
    pub(super) view: Uuid,
    /// The iTwin that is looked at.
    pub(super) itwin: Uuid,
    /// The iModel, if it is one.
    pub(super) imodel: Option<Uuid>,
}

impl ViewId {
    /// The id as it is written.
    pub(super) fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(49);
        bytes.push(FIRST);
        for uuid in [Some(self.view), Some(self.itwin), self.imodel].into_iter().flatten() {
            // The byte order of .NET, in which the service was written.
            bytes.extend_from_slice(&uuid.to_bytes_le());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads an id of our own making.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (&first, uuids) = bytes.split_first()?;
        let mut uuids = uuids.chunks(16).map(|bytes| bytes.try_into().map(Uuid::from_bytes_le));
        let (view, itwin) = (uuids.next()?.ok()?, uuids.next()?.ok()?);
        let imodel = uuids.next().transpose().ok()?;
        (first == FIRST && uuids.next().is_none()).then_some(Self { view, itwin, imodel })
    }
}

#[cfg(test)]
#[path = "tests/view_id.rs"]
mod tests;
